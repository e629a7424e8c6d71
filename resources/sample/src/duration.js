const UNITS = { h: 3_600_000, m: 60_000, s: 1_000 }

/**
 * Reads a duration such as `1h 30m` or `45s`.
 * Gives milliseconds; throws a RangeError for text that is no duration.
 */
export function parseDuration(text) {
  const parts = text.trim().split(/\s+/)
  let total = 0
  for (const part of parts) {
    const match = /^(\d+)([hms])$/.exec(part)
    if (!match) throw new RangeError(`not a duration: ${text}`)
    total += Number(match[1]) * UNITS[match[2]]
  }
  return total
}

/** Writes milliseconds as `m:ss`. */
export function formatDuration(ms) {
  const total = Math.round(ms / 1000)
  const minutes = Math.floor(total / 60)
  const seconds = String(total % 60).padStart(2, '0')
  return `${minutes}:${seconds}`
}
