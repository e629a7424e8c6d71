import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { readFailures } from './check-parsers.ts'

const MAX_LINES = 14
const MAX_LINE_CHARS = 240
const MAX_ENTRIES = 6
/** Of a long output the beginning (compilers) and the end (summaries of runners) say what failed; all of it would block the core. */
const HEAD_CHARS = 128 * 1024
const TAIL_CHARS = 512 * 1024
const TELLING =
  /\b(error|fail(ed|ure|ing)?|not ok|assert\w*|expected|exception|panic(ked)?|traceback|cannot|undefined reference)\b|✗|✖|×|^E\s/i
const NOISE =
  /\b0 (errors?|failed|failures?|failing)\b|^# (pass|fail|tests|cancelled|skipped|todo|duration_ms|suites)\b/i

/**
 * What a person or an agent needs to act on from a failed command's output: the failures of the usual runners and
 * compilers by name, place and message, else the telling lines, else the end. `root` is taken off paths.
 */
export function summariseFailure(output: string, root: string | null = null): string {
  const part =
    output.length <= HEAD_CHARS + TAIL_CHARS
      ? output
      : `${output.slice(0, HEAD_CHARS)}\n${output.slice(-TAIL_CHARS)}`
  const plain = stripVTControlCharacters(root === null ? part : withoutRoot(part, root))
  const read = plain.split(/\r?\n/).map((line) => line.trimEnd())
  const entries = readFailures(read)
  if (entries.length > 0) {
    const shown = entries.slice(0, MAX_ENTRIES).flatMap((entry) => [
      `✗ ${entry.title}${entry.place ? ` (${entry.place})` : ''}`,
      // One detail each when there are many: the log has the rest.
      ...entry.details.slice(0, entries.length > 3 ? 1 : 3).map((line) => `  ${line}`),
    ])
    const more =
      entries.length > MAX_ENTRIES ? [`… ${entries.length - MAX_ENTRIES} more failures in the log`] : []
    return [...shown, ...more].map(cut).join('\n')
  }
  const lines = read.filter((line) => line.trim().length > 0)
  const telling = lines.filter((line) => TELLING.test(line) && !NOISE.test(line))
  const chosen = telling.length > 0 ? telling.slice(0, MAX_LINES) : lines.slice(-MAX_LINES)
  const more = telling.length > MAX_LINES ? [`… ${telling.length - MAX_LINES} more lines in the log`] : []
  return [...chosen.map(cut), ...more].join('\n')
}

/** Takes the worktree's folder off all paths; in URLs its blanks are written otherwise. */
const withoutRoot = (text: string, root: string): string =>
  text.replaceAll(pathToFileURL(`${root}/`).href, '').replaceAll(`${root}/`, '')

function cut(line: string): string {
  return line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)}…` : line
}
