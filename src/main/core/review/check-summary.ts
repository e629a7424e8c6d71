import { stripVTControlCharacters } from 'node:util'

const MAX_LINES = 14
const MAX_LINE_CHARS = 240
const TELLING =
  /\b(error|fail(ed|ure|ing)?|not ok|assert\w*|expected|exception|panic(ked)?|traceback|cannot|undefined reference)\b|✗|✖|×|^E\s/i
const NOISE =
  /\b0 (errors?|failed|failures?|failing)\b|^# (pass|fail|tests|cancelled|skipped|todo|duration_ms|suites)\b/i

/** What a person or an agent needs to act on from a failed command's output: the telling lines, else the end. */
export function summariseFailure(output: string): string {
  const lines = stripVTControlCharacters(output)
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter((line) => line.trim().length > 0)
  const telling = lines.filter((line) => TELLING.test(line) && !NOISE.test(line))
  const chosen = telling.length > 0 ? telling.slice(0, MAX_LINES) : lines.slice(-MAX_LINES)
  const more = telling.length > MAX_LINES ? [`… ${telling.length - MAX_LINES} more lines in the log`] : []
  return [
    ...chosen.map((line) => (line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)}…` : line)),
    ...more,
  ].join('\n')
}
