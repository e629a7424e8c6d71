import { Octokit } from '@octokit/core'
import { paginateRest } from '@octokit/plugin-paginate-rest'
import { retry } from '@octokit/plugin-retry'
import { throttling } from '@octokit/plugin-throttling'
import type { ZodType } from 'zod'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Logger } from '../../kernel/logger.ts'
import { EtagCache } from './etag-cache.ts'
import type { ForgeRate } from './forge.ts'
import { forgeFailure, isRefusal } from './github-errors.ts'

export interface GitHubClientOptions {
  apiBase: string
  token: string
  clock: Clock
  log: Logger
  signal: AbortSignal
  userAgent: string
  /** Ms until an answer must be complete. */
  timeoutMs?: number
  /** Reads are tried again so often after a 5xx or a broken line, waiting 1, 4, … of this many ms. */
  retries?: number
  retryBaseMs?: number
  /** Spaces writes out as GitHub asks for; tests against a local server switch it off. */
  throttle?: boolean
}

const TIMEOUT_MS = 20_000
/** The lane and the watch come again by themselves; this is for the single hiccup. */
const RETRIES = 1
/** A limit that ends sooner than this is waited for in place; a longer one is told to the caller, who has better to do. */
const SHORT_LIMIT_S = 5
const MAX_BODY_BYTES = 20 * 1024 * 1024
const PAGE = 100
/** Pages read of one list: 1,000 comments are more than anyone answers. */
const MAX_PAGES = 10

const Client = Octokit.plugin(paginateRest, retry, throttling)

export interface Call<T> {
  /** Completes “…: not allowed”: what we were doing. */
  doing: string
  /** `GET /repos/{owner}/{repo}/pulls` */
  route: string
  params?: Record<string, unknown>
  schema: ZodType<T>
}

/** Octokit with our manners: time-outs, complete bodies, conditional requests, bounded retries, typed failures, checked answers. */
export class GitHubClient {
  readonly #options: GitHubClientOptions
  readonly #octokit: InstanceType<typeof Client>
  readonly #etags = new EtagCache()
  #rate: ForgeRate | null = null

  constructor(options: GitHubClientOptions) {
    this.#options = options
    const log = options.log
    const unlessLong = (retryAfter: number, _request: object, _octokit: unknown, count: number) =>
      retryAfter <= SHORT_LIMIT_S && count === 0
    this.#octokit = new Client({
      auth: options.token,
      baseUrl: options.apiBase,
      userAgent: options.userAgent,
      request: { fetch: (url: string, init: RequestInit) => this.#fetch(url, init) },
      log: {
        debug: () => {},
        info: () => {},
        warn: (message: string) => log.warn(message),
        error: (message: string) => log.debug(message),
      },
      throttle: {
        enabled: options.throttle ?? true,
        // Budgets belong to the token at its forge: two repositories share them.
        id: `${options.apiBase} ${options.token.slice(-4)}`,
        onRateLimit: unlessLong,
        onSecondaryRateLimit: unlessLong,
      },
      retry: {
        retries: options.retries ?? RETRIES,
        retryAfterBaseValue: options.retryBaseMs ?? 1_000,
        // 429 is the throttling's and the caller's; 405 and 409 change only when we do something.
        doNotRetry: [400, 401, 403, 404, 405, 409, 410, 422, 429, 451],
      },
    })
    this.#octokit.hook.wrap(
      'request',
      (request, asked) =>
        this.#conditional(
          () => Promise.resolve(request(asked)) as Promise<Answer>,
          asked as unknown as Asked,
        ) as never,
    )
  }

  get rate(): ForgeRate | null {
    return this.#rate
  }

  /** One answer, checked against its schema; `null` for an empty one where the schema allows it. */
  async call<T>(call: Call<T>): Promise<T> {
    const write = !call.route.startsWith('GET ')
    try {
      const answer = await this.#octokit.request(call.route, {
        ...call.params,
        // A write that timed out may have been done: whoever called looks first, then decides.
        ...(write ? { request: { retries: 0 } } : {}),
      })
      return this.#parse(call, answer.data)
    } catch (error) {
      throw forgeFailure(error, call.doing, this.#options.clock.now())
    } finally {
      if (write) this.#etags.clear()
    }
  }

  /** All pages of a list. */
  async all<T>(call: Call<T>): Promise<T[]> {
    const items: T[] = []
    try {
      let page = 0
      for await (const answer of this.#octokit.paginate.iterator(call.route, {
        ...call.params,
        per_page: PAGE,
      })) {
        // The plugin takes a 409 for an empty list; an error is not "none".
        if (Object.keys(answer.headers).length === 0)
          throw new Failure('forge_conflict', `${call.doing}: the forge refused to list (409).`, {
            status: 409,
          })
        if (!Array.isArray(answer.data)) throw garbled(call.doing)
        for (const item of answer.data) items.push(this.#parse(call, item))
        if (++page >= MAX_PAGES) {
          this.#options.log.warn('a list of the forge was cut', { doing: call.doing, items: items.length })
          break
        }
      }
      return items
    } catch (error) {
      throw forgeFailure(error, call.doing, this.#options.clock.now())
    }
  }

  /** A GraphQL answer; null when the forge has no GraphQL or refuses it to this token: what only it knows stays unknown. */
  async graphql<T>(
    doing: string,
    query: string,
    variables: Record<string, unknown>,
    schema: ZodType<T>,
  ): Promise<T | null> {
    try {
      return this.#parse({ doing, schema }, await this.#octokit.graphql(query, variables))
    } catch (error) {
      if (error instanceof Error && error.name === 'GraphqlResponseError') {
        if (query.trimStart().startsWith('mutation'))
          throw new Failure('forge_rejected', `${doing}: refused (${error.message}).`, {}, { cause: error })
        // An older Enterprise host does not know a field, or the token may not see one.
        this.#options.log.info('the forge does not say more', { doing, reason: error.message })
        return null
      }
      const failure = forgeFailure(error, doing, this.#options.clock.now())
      const status = failure.data.status
      if (status === 404 || status === 403 || status === 410) return null
      throw failure
    }
  }

  #parse<T>(call: Pick<Call<T>, 'doing' | 'schema'>, data: unknown): T {
    const parsed = call.schema.safeParse(data)
    if (!parsed.success) throw garbled(call.doing, parsed.error.issues[0]?.path.join('.'))
    return parsed.data
  }

  /** A read that was answered before is asked for with its mark; "not modified" gives the kept answer. */
  async #conditional(request: () => Promise<Answer>, asked: Asked): Promise<Answer> {
    if (asked.method !== 'GET') return request()
    const key = JSON.stringify(asked, keyReplacer)
    const etag = this.#etags.etagFor(key)
    // The hooks below see this very object: what is passed on to them would be ignored.
    if (etag !== undefined) asked.headers['if-none-match'] = etag
    try {
      const answer = await request()
      const mark = answer.headers.etag
      if (typeof mark === 'string' && answer.status === 200) {
        const { status, headers, data } = answer
        this.#etags.keep(key, { etag: mark, status, headers, data: structuredClone(data) })
      }
      return answer
    } catch (error) {
      const kept = isRefusal(error) && error.status === 304 ? this.#etags.reuse(key) : undefined
      if (!kept) throw error
      const { status, headers, data } = kept
      return { status, headers, url: asked.url, data: structuredClone(data) }
    }
  }

  /** fetch that gives up after a while and hands over only bodies that arrived whole. */
  async #fetch(url: string, init: RequestInit): Promise<Response> {
    // Links to further pages come from the server: the token goes to nobody but the forge.
    if (new URL(url).origin !== new URL(this.#options.apiBase).origin)
      throw new Error('the forge points to another server')
    const limit = this.#options.timeoutMs ?? TIMEOUT_MS
    const deadline = AbortSignal.timeout(limit)
    const signals = [deadline, this.#options.signal, ...(init.signal ? [init.signal] : [])]
    try {
      const answer = await fetch(url, { ...init, signal: AbortSignal.any(signals) })
      this.#noteRate(answer.headers)
      const body = await readAll(answer)
      const type = answer.headers.get('content-type') ?? ''
      // Nothing at all is complete (some answers to writes); what needs content fails at its schema.
      if (answer.ok && body.byteLength > 0 && /^application\/(?:[\w.+-]*\+)?json\b/.test(type)) {
        try {
          JSON.parse(Buffer.from(body).toString('utf8'))
        } catch {
          throw new Error('the answer broke off in the middle')
        }
      }
      const hasBody = ![204, 205, 304].includes(answer.status)
      const whole = new Response(hasBody ? body : null, {
        status: answer.status,
        statusText: answer.statusText,
        headers: answer.headers,
      })
      Object.defineProperty(whole, 'url', { value: answer.url })
      return whole
    } catch (error) {
      if (deadline.aborted) throw new Error(`no complete answer within ${limit / 1000} s`)
      throw error
    }
  }

  #noteRate(headers: Headers): void {
    // Conditional answers that were not modified carry the budget too; GraphQL and search have budgets of their own.
    if ((headers.get('x-ratelimit-resource') ?? 'core') !== 'core') return
    const limit = Number(headers.get('x-ratelimit-limit'))
    const remaining = Number(headers.get('x-ratelimit-remaining') ?? Number.NaN)
    const reset = Number(headers.get('x-ratelimit-reset'))
    if (!(limit > 0) || Number.isNaN(remaining) || !(reset > 0)) return
    const now = this.#options.clock.now()
    const server = Date.parse(headers.get('date') ?? '')
    this.#rate = {
      limit,
      remaining,
      resetsAt: now + Math.max(0, reset * 1000 - (Number.isFinite(server) ? server : now)),
    }
  }
}

interface Asked {
  method: string
  url: string
  headers: Record<string, unknown>
}

interface Answer {
  status: number
  url: string
  headers: Record<string, string | number | undefined>
  data: unknown
}

/** The parts of a request that its answer depends on. */
function keyReplacer(key: string, value: unknown): unknown {
  return key === 'request' || key === 'mediaType' || key === 'headers' ? undefined : value
}

async function readAll(answer: Response): Promise<ArrayBuffer> {
  const size = Number(answer.headers.get('content-length') ?? 0)
  if (size > MAX_BODY_BYTES) throw new Error('the answer is larger than 20 MB')
  const body = await answer.arrayBuffer()
  if (body.byteLength > MAX_BODY_BYTES) throw new Error('the answer is larger than 20 MB')
  return body
}

const garbled = (doing: string, where?: string) =>
  new Failure(
    'forge_unavailable',
    `${doing}: the answer makes no sense${where ? ` (${where})` : ''}. Is this the address of a GitHub API?`,
  )
