import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'

/** Octokit's error: an answer with an error status, or (without `response`) no answer at all. */
export interface Refusal extends Error {
  status: number
  response?: { headers: Record<string, string | number | undefined>; data: unknown }
}

export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' && 'request' in error
}

type Headers = Readonly<Record<string, string | number | undefined>>

/** Waited when a limit says nothing of its end: GitHub's own advice. */
const UNKNOWN_LIMIT_MS = 60_000
const MAX_LIMIT_MS = 60 * 60_000

/**
 * What went wrong, as one of the failures of `Forge`. `doing` completes “GitHub …” sentences; `now` is our wall clock in
 * ms. Ends of limits are measured against the server's own clock, so that a wrong one of ours does not shorten them.
 */
export function forgeFailure(error: unknown, doing: string, now: number): Failure {
  if (isFailure(error)) return error
  const cause = { cause: error }
  if (!isRefusal(error)) {
    // A call that was given up comes without an answer, whoever gave it up.
    const name = error instanceof Error ? error.name : ''
    if (name === 'AbortError') return new Failure('cancelled', `${doing} was cancelled.`, {}, cause)
    return new Failure('forge_unavailable', `${doing}: ${messageOf(error)}.`, {}, cause)
  }
  const headers: Headers = error.response?.headers ?? {}
  const { status } = error
  const said = sentenceOf(error)
  const data = { status, said }
  if (error.response === undefined)
    return new Failure('forge_unavailable', `${doing}: no answer (${said}).`, data, cause)
  const limit = limitOf(status, said, headers, now)
  if (limit) {
    const minutes = Math.max(1, Math.round((limit.resetsAt - now) / 60_000))
    return new Failure(
      'forge_rate_limited',
      `${doing}: the forge asks to wait about ${minutes} min (${limit.secondary ? 'too many requests at once' : 'the hourly limit is used up'}).`,
      { ...data, ...limit },
      cause,
    )
  }
  switch (status) {
    case 401:
      return new Failure(
        'forge_unauthorized',
        `${doing}: the token was not accepted. Sign in again.`,
        data,
        cause,
      )
    case 403:
    case 451:
      return new Failure('forge_forbidden', `${doing}: not allowed (${said}).`, data, cause)
    case 404:
    case 410:
      return new Failure(
        'forge_not_found',
        `${doing}: not found. It is gone, or the token may not see it.`,
        data,
        cause,
      )
    case 405:
    case 409:
      return new Failure('forge_conflict', `${doing}: ${said}.`, data, cause)
    case 400:
    case 422:
      return new Failure('forge_rejected', `${doing}: refused (${said}).`, data, cause)
    default:
      return new Failure(
        'forge_unavailable',
        `${doing}: the forge answered ${status} (${said}).`,
        data,
        cause,
      )
  }
}

/** When a refusal is a limit: which, and until when (our clock). */
function limitOf(
  status: number,
  said: string,
  headers: Headers,
  now: number,
): { resetsAt: number; secondary: boolean } | null {
  if (status !== 403 && status !== 429) return null
  const secondary = /secondary rate|abuse detection/i.test(said)
  const spent = String(headers['x-ratelimit-remaining'] ?? '') === '0'
  const retryAfter = waitOf(headers['retry-after'], now)
  if (status === 403 && !secondary && !spent && retryAfter === null) return null
  const reset = Number(headers['x-ratelimit-reset'])
  const server = Date.parse(String(headers.date ?? ''))
  const serverNow = Number.isFinite(server) ? server : now
  const untilReset = spent && Number.isFinite(reset) && reset > 0 ? reset * 1000 - serverNow : null
  const wait = retryAfter ?? untilReset ?? UNKNOWN_LIMIT_MS
  return { resetsAt: now + Math.min(Math.max(wait, 1_000), MAX_LIMIT_MS), secondary: secondary || !spent }
}

/** `Retry-After` is a number of seconds or a date. */
function waitOf(value: string | number | undefined, now: number): number | null {
  if (value === undefined || value === '') return null
  const seconds = Number(value)
  if (Number.isFinite(seconds)) return seconds * 1000
  const date = Date.parse(String(value))
  return Number.isFinite(date) ? date - now : null
}

/** GitHub's own words, short: of validation errors those that say something. */
function sentenceOf(error: Refusal): string {
  const body: unknown = error.response?.data
  if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string') {
    const details =
      'errors' in body && Array.isArray(body.errors)
        ? body.errors.flatMap((each: unknown) => {
            if (typeof each === 'string') return [each]
            if (typeof each !== 'object' || each === null) return []
            if ('message' in each && typeof each.message === 'string') return [each.message]
            return 'field' in each && 'code' in each ? [`${String(each.field)} ${String(each.code)}`] : []
          })
        : []
    return [body.message, ...details].join(': ').replace(/\.$/, '').slice(0, 300)
  }
  return error.message.replace(/\.$/, '').slice(0, 300)
}
