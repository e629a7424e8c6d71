/** A span of time in at most two units, short: `4 s`, `3:12`, `2 h 5 min`, `3 d`. `ms` below zero counts as zero. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}:${String(seconds % 60).padStart(2, '0')}`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}

/** A span of time that goes on, to the minute: `< 1 min`, `3 min`, `2 h 5 min`. */
export function stint(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return '< 1 min'
  return minutes < 60 ? `${minutes} min` : duration(ms)
}

/** An age below a minute: seconds that go up are motion on screen that nobody asked for. */
export const NOW = 'now'

/** How long ago, coarse: for ages that nobody times. */
export function age(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  if (minutes < 1) return NOW
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return `${hours} h`
  return `${Math.floor(hours / 24)} d`
}

/** How long something took, with tenths below ten seconds. */
export function took(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`
  return duration(ms)
}

export const sha7 = (sha: string | null): string => (sha ? sha.slice(0, 7) : '–')

/** US dollars; small sums keep a meaning. */
export function money(dollars: number): string {
  if (dollars > 0 && dollars < 0.01) return '< $0.01'
  return `$${dollars.toFixed(dollars < 100 ? 2 : 0)}`
}

/** 1234 → `1.2k`. */
export function compact(count: number): string {
  if (count < 1000) return String(count)
  if (count < 1_000_000) return `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)}k`
  return `${(count / 1_000_000).toFixed(1)}M`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

// Made once: `toLocaleTimeString` makes a new one at each call, which takes longer than drawing a tile's head.
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY = new Intl.DateTimeFormat(undefined, { weekday: 'short', day: 'numeric', month: 'short' })

/** A time for the history, in the engineer's own zone. */
export const clockTime = (at: number): string => CLOCK.format(at)

export const dayOf = (at: number): string => DAY.format(at)

const UNSAFE_CHARS = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** Text from a repository or an agent for one line of ours: no control, bidi or invisible characters, cut at `max`. */
export function plainLine(text: string, max = 256): string {
  const clean = text.replace(UNSAFE_CHARS, ' ').replace(/\s+/g, ' ').trim()
  return clean.length > max ? `${clean.slice(0, max - 1)}…` : clean
}
