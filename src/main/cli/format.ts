import type { AttemptStatus } from '../../shared/domain/attempt.ts'
import type { TaskStatus } from '../../shared/domain/task.ts'

export type Colour = 'dim' | 'bold' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'

const CODES: Record<Colour, [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  magenta: [35, 39],
  cyan: [36, 39],
}

export type Paint = (colour: Colour, text: string) => string

/** Colours text when `on`, which is only for a person's terminal that did not ask for none (NO_COLOR). */
export function painter(on: boolean): Paint {
  return (colour, text) => {
    if (!on || text === '') return text
    const [open, close] = CODES[colour]
    return `\u001b[${open}m${text}\u001b[${close}m`
  }
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u
const INVISIBLE = /[\p{Mn}\p{Me}\p{Cf}]/u

/** Text from a repository or an agent can hold escapes that would drive this terminal: shown as `?`. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (char) =>
    char === '\n' || char === '\t' ? ' ' : '?',
  )
}

/** Columns that `text` takes in a terminal; colour codes take none. */
export function width(text: string): number {
  let columns = 0
  for (const char of text.replace(/\u001b\[\d+m/g, '')) {
    columns += INVISIBLE.test(char) ? 0 : WIDE.test(char) ? 2 : 1
  }
  return columns
}

/** `text` cut to `max` columns with an ellipsis; expects text without colour codes. */
export function cut(text: string, max: number): string {
  if (width(text) <= max) return text
  let out = ''
  for (const char of text) {
    if (width(out + char) > max - 1) break
    out += char
  }
  return `${out}…`
}

const pad = (text: string, columns: number) => text + ' '.repeat(Math.max(0, columns - width(text)))

/**
 * Aligned columns with two blanks between; `head` is left out when there are no rows. The last column is not padded.
 */
export function table(head: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string {
  if (rows.length === 0) return ''
  const all = [head.map((cell) => paint('dim', cell)), ...rows]
  const widths = head.map((_cell, i) => Math.max(...all.map((row) => width(row[i] ?? ''))))
  return all
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** How long ago, in one unit: `now`, `12s`, `5m`, `3h`, `2d`, `6w`. */
export function age(at: number, now: number): string {
  const seconds = Math.max(0, Math.floor((now - at) / 1000))
  if (seconds < 2) return 'now'
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`
  if (seconds < 14 * 86_400) return `${Math.floor(seconds / 86_400)}d`
  return `${Math.floor(seconds / (7 * 86_400))}w`
}

/** `YYYY-MM-DD HH:MM:SS` of the local time zone. */
export function moment(at: number): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  )
}

/** A commit as people write it; a dash for none. */
export const shortSha = (sha: string | null): string => sha?.slice(0, 8) ?? '–'

const ATTEMPT_COLOURS: Partial<Record<AttemptStatus, Colour>> = {
  running: 'blue',
  waiting: 'yellow',
  stalled: 'yellow',
  ready: 'green',
  mergeable: 'green',
  landing: 'cyan',
  landed: 'green',
  failed: 'red',
  lost: 'red',
  trashed: 'dim',
  cancelled: 'dim',
}

const TASK_COLOURS: Partial<Record<TaskStatus, Colour>> = {
  working: 'blue',
  deciding: 'yellow',
  rework: 'yellow',
  landing: 'cyan',
  landed: 'green',
  abandoned: 'dim',
}

export function attemptStatus(status: AttemptStatus, paint: Paint): string {
  const colour = ATTEMPT_COLOURS[status]
  return colour ? paint(colour, status) : status
}

export function taskStatus(status: TaskStatus, paint: Paint): string {
  const colour = TASK_COLOURS[status]
  return colour ? paint(colour, status) : status
}
