/** What an agent said about a limit. */
export interface LimitNotice {
  text: string
  /** ms since the epoch; null when it was not said or not understood. */
  resetsAt: number | null
}

/** Words of Codex, Claude Code, Gemini CLI and their providers for an exhausted quota or a rate limit. */
const SHAPES: readonly RegExp[] = [
  /\b(usage|session|weekly|daily|monthly|5-hour|rate|request|token|spend(ing)?) limits?\b.*\b(reached|hit|exceeded|resets?|try again)\b/i,
  /\b(reached|hit|exceeded)\b.*\b(usage|session|weekly|daily|monthly|rate|request|token|spend(ing)?) limit\b/i,
  /\b(exceeded|exhausted|out of|insufficient|used up)\b.{0,40}\b(quota|credits?)\b|\bcredit balance is too low\b/i,
  /\bquota\b.*\b(exceeded|exhausted|reached)\b/i,
  /\b429\b.*\b(too many requests|rate)|too many requests/i,
  /\brate[_ -]limit(ed|s)?\b/i,
]

const UNIT_MS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000 } as const
const unitOf = (letter: string): number =>
  letter === 'd' ? UNIT_MS.d : letter === 'h' ? UNIT_MS.h : letter === 'm' ? UNIT_MS.m : UNIT_MS.s

/** `in 2 days 3 hours 4 minutes`, `after 20s`, `in 1h 30m`. */
function fromDuration(text: string): number | null {
  const match =
    /\b(?:in|after|for)\s+((?:\d+(?:\.\d+)?\s*(?:d(?:ays?)?|h(?:ours?|rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)\b[\s,]*(?:and\s+)?)+)/i.exec(
      text,
    )
  if (!match?.[1]) return null
  let total = 0
  for (const part of match[1].matchAll(/(\d+(?:\.\d+)?)\s*([dhms])/gi))
    total += Number(part[1]) * unitOf(part[2]!.toLowerCase())
  return total
}

/** The offset of a zone from UTC at a time, in ms; null for an unknown zone. */
function offsetOf(zone: string, at: number): number | null {
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(at)
    const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
    const local = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
    return local - Math.floor(at / 1_000) * 1_000
  } catch {
    return null
  }
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

/** `resets 3pm (Europe/Berlin)`, `at 17:05`, `resets Nov 25 at 9am (UTC)`: the next such time after now. */
function fromClock(text: string, now: number, localZone: string): number | null {
  const match =
    /\b(?:resets?|again|available|until)\b(?:\s+(?:at|on|by))?\s*(?:([A-Z][a-z]{2})[a-z]*\.?\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(?:\d{4})?)?,?\s*(?:at\s+)?)?(\d{1,2})(?::(\d{2}))?\s*([ap]\.?m\.?)?(?:\s*\(([A-Za-z_+\-/0-9]+)\))?/i.exec(
      text,
    )
  if (!match) return null
  const [, monthName, day, hourText, minuteText, half, zoneName] = match
  // A bare number without minutes, half of the day or date is no time of a clock.
  if (!minuteText && !half && !monthName) return null
  const zone = zoneName ?? localZone
  const offset = offsetOf(zone, now)
  if (offset === null) return null
  let hour = Number(hourText) % (half ? 12 : 24)
  if (half?.toLowerCase().startsWith('p')) hour += 12
  const here = new Date(now + offset)
  const month = monthName ? MONTHS.indexOf(monthName.toLowerCase()) : here.getUTCMonth()
  if (month < 0) return null
  const wall = Date.UTC(
    here.getUTCFullYear(),
    month,
    day ? Number(day) : here.getUTCDate(),
    hour,
    Number(minuteText ?? 0),
  )
  let at = wall - offset
  if (at <= now)
    at = monthName
      ? Date.UTC(here.getUTCFullYear() + 1, month, Number(day), hour, Number(minuteText ?? 0)) - offset
      : at + UNIT_MS.d
  return at
}

/** A time as a number: `reset_at: 1795342485`, `|1795342485` (Claude Code), in s or ms. */
function fromStamp(text: string): number | null {
  const match = /(?:resets?[_a-z]*["']?\s*[:=]?\s*|\|)(1[6-9]\d{8}|[2-9]\d{9}|1[6-9]\d{11})\b/i.exec(text)
  if (!match?.[1]) return null
  return match[1].length > 11 ? Number(match[1]) : Number(match[1]) * 1_000
}

/**
 * Recognises a quota or rate limit in what an agent said and reads when it ends. `now` in ms since the epoch; `zone` is where
 * a time without a zone is meant. Gives null for text that is about something else.
 */
export function readLimit(
  text: string,
  now: number,
  zone: string = Intl.DateTimeFormat().resolvedOptions().timeZone,
): LimitNotice | null {
  const line = text.split('\n').find((part) => SHAPES.some((shape) => shape.test(part)))
  if (line === undefined) return null
  // The time is often in the next line.
  const near = text.slice(text.indexOf(line), text.indexOf(line) + line.length + 200)
  const duration = fromDuration(near)
  const resetsAt = fromStamp(near) ?? (duration === null ? fromClock(near, now, zone) : now + duration)
  return { text: line.trim().slice(0, 300), resetsAt }
}
