import type { IncomingHttpHeaders } from 'node:http'

/** Why a request is refused: the HTTP status and one sentence. */
export interface Refusal {
  status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 503
  message: string
}

/**
 * The names under which we answer. A page that rebinds its own name to 127.0.0.1 still sends its own name as Host, so only
 * these literals pass; comparing Origin with Host would not catch it.
 */
function isOurHost(host: string | undefined, port: number): host is string {
  return host === `127.0.0.1:${port}` || host === `localhost:${port}` || host === `[::1]:${port}`
}

/** Refuses every request that was not sent to us by a name of ours. */
export function judgeHost(headers: IncomingHttpHeaders, port: number): Refusal | null {
  if (isOurHost(headers.host, port)) return null
  return {
    status: 403,
    message: `This address is not served here. Use http://127.0.0.1:${port} (a tunnel needs the same port on both ends).`,
  }
}

/** Refuses a page of another origin that loads our files as parts of itself; following a link to us is fine. */
export function judgeRead(headers: IncomingHttpHeaders): Refusal | null {
  const site = headers['sec-fetch-site']
  if (site === undefined || site === 'none' || site === 'same-origin') return null
  if (headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document') return null
  return { status: 403, message: 'Requests of other pages are refused.' }
}

/**
 * Refuses whatever acts and does not come from our own page: another origin, another site, or no origin at all unless the
 * caller proved by a token of its own (`bearer`) that it is no browser.
 */
export function judgeAct(headers: IncomingHttpHeaders, options: { bearer: boolean }): Refusal | null {
  const refusal: Refusal = { status: 403, message: 'Requests of other pages are refused.' }
  const site = headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin') return refusal
  if (headers.origin === undefined) return options.bearer ? null : refusal
  // Host was judged before, so this compares with a name of ours.
  return headers.origin === `http://${headers.host}` ? null : refusal
}
