import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../kernel/clock.ts'
import { proofFor } from './probe.ts'

const SESSION_MS = 30 * 24 * 60 * 60_000
/** A code may stand in a URL or an argv, which others can read: it lives shortly and works once. */
const CODE_MS = 60_000
const MAX_CODES = 16
const FIRST_DELAY_MS = 250
const MAX_DELAY_MS = 5_000
/** So many failures wait at once; more are refused without a wait. */
const MAX_WAITING = 16
const FORGET_MS = 60_000

export interface AuthOptions {
  /** The secret of the data directory. */
  token: string
  clock: Clock
  sleep: (ms: number) => Promise<void>
}

/**
 * Who may come in. The token proves the CLI (Bearer) and is exchanged once by a browser for a session; a session is its
 * own proof (signed by a key made from the token), so it lives through restarts and dies with the token.
 */
export class Auth {
  readonly #token: string
  readonly #clock: Clock
  readonly #sleep: (ms: number) => Promise<void>
  readonly #codes = new Map<string, number>()
  #failures = 0
  #lastFailure = 0
  #waiting = 0

  constructor(options: AuthOptions) {
    this.#token = options.token
    this.#clock = options.clock
    this.#sleep = options.sleep
  }

  /** `none` when the caller shows no token at all. */
  bearer(headers: IncomingHttpHeaders): 'none' | 'good' | 'bad' {
    const header = headers.authorization
    if (header === undefined) return 'none'
    const token = /^Bearer (\S+)$/i.exec(header)?.[1]
    return token !== undefined && same(token, this.#token) ? 'good' : 'bad'
  }

  /** A new code for one sign-in within a minute. The oldest falls out when there are too many. */
  mintCode(): string {
    const code = randomBytes(24).toString('base64url')
    this.#codes.set(digest(code), this.#clock.monotonic() + CODE_MS)
    if (this.#codes.size > MAX_CODES) {
      const [oldest] = this.#codes.keys()
      if (oldest !== undefined) this.#codes.delete(oldest)
    }
    return code
  }

  /** A session for a token or a code, or null when it is wrong, used or too old. */
  exchange(proof: { token?: string | undefined; code?: string | undefined }): string | null {
    if (proof.token !== undefined) return same(proof.token, this.#token) ? this.#mintSession() : null
    if (proof.code === undefined) return null
    const key = digest(proof.code)
    const until = this.#codes.get(key)
    this.#codes.delete(key)
    return until !== undefined && this.#clock.monotonic() <= until ? this.#mintSession() : null
  }

  /** True for a living session of ours in the cookies of a request. */
  hasSession(headers: IncomingHttpHeaders, port: number): boolean {
    const name = cookieName(port)
    for (const cookie of (headers.cookie ?? '').split(';')) {
      const [key, ...rest] = cookie.trim().split('=')
      if (key === name && this.#isSession(rest.join('='))) return true
    }
    return false
  }

  /** The header that gives a session to a browser, out of reach of its scripts and of other sites. */
  cookie(session: string, port: number): string {
    return `${cookieName(port)}=${session}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${SESSION_MS / 1000}`
  }

  /** Proves to a client that knows the token that we know it too, without showing it. */
  proof(nonce: string): string {
    return proofFor(this.#token, nonce)
  }

  /** Lets a failed attempt wait, longer each time; false when too many wait already. Right proofs never wait. */
  async delayFailure(): Promise<boolean> {
    const now = this.#clock.monotonic()
    if (now - this.#lastFailure > FORGET_MS) this.#failures = 0
    this.#lastFailure = now
    this.#failures++
    if (this.#waiting >= MAX_WAITING) return false
    this.#waiting++
    try {
      await this.#sleep(Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.floor(this.#failures / 3)))
    } finally {
      this.#waiting--
    }
    return true
  }

  #mintSession(): string {
    const until = (this.#clock.now() + SESSION_MS).toString(36)
    const body = `${until}.${randomBytes(18).toString('base64url')}`
    return `${body}.${this.#sign(body)}`
  }

  #isSession(value: string): boolean {
    const [until, nonce, mac, ...rest] = value.split('.')
    if (until === undefined || nonce === undefined || mac === undefined || rest.length > 0) return false
    return same(mac, this.#sign(`${until}.${nonce}`)) && Number.parseInt(until, 36) > this.#clock.now()
  }

  #sign(body: string): string {
    return createHmac('sha256', this.#token).update(`session ${body}`).digest('base64url')
  }
}

/** Browsers share cookies between the ports of a host: two control rooms must not sign each other out. */
export function cookieName(port: number): string {
  return `quartet_${port}`
}

function digest(text: string): string {
  return createHmac('sha256', 'quartet').update(text).digest('base64url')
}

/** Compares in constant time; hashing first makes the lengths equal. */
function same(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(digest(a)), Buffer.from(digest(b)))
}
