import { describe, expect, it } from 'vitest'
import { Failure } from '../../../shared/domain/failure.ts'
import { createLogger, silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { GitHubForge, type GitHubOptions } from './github.ts'
import { type Scripted, type ScriptedServer, scriptedServer } from './testing/scripted-server.ts'

const TOKEN = 'token-of-the-engineer'
const SHA = 'a'.repeat(40)
const PULL = 'GET /repos/acme/app/pulls/7'

const pull = (change: Record<string, unknown> = {}) => ({
  number: 7,
  node_id: 'PR_7',
  html_url: 'https://github.com/acme/app/pull/7',
  title: 'Fix it',
  body: 'Because.',
  state: 'open',
  draft: false,
  merged: false,
  merge_commit_sha: 'f'.repeat(40),
  mergeable: true,
  mergeable_state: 'clean',
  user: { login: 'ada' },
  head: { ref: 'quartet/fix/r1a1', sha: SHA },
  base: { ref: 'main', sha: 'b'.repeat(40) },
  labels: [{ name: 'bug' }],
  ...change,
})

const forge = (server: ScriptedServer, options: Partial<GitHubOptions> = {}) =>
  new GitHubForge({
    location: { host: 'github.com', owner: 'acme', name: 'app', apiBase: server.url },
    token: TOKEN,
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    log: silentLogger,
    signal: new AbortController().signal,
    userAgent: 'quartet-test',
    retryBaseMs: 5,
    throttle: false,
    ...options,
  })

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it did not fail')
}

const answer = async (scripted: Scripted, options: Partial<GitHubOptions> = {}) => {
  const server = await scriptedServer()
  server.on(PULL, scripted)
  return { server, failure: await failureOf(forge(server, options).readPull(7)) }
}

describe('a refusal', () => {
  it.each([
    [401, {}, 'forge_unauthorized'],
    [403, {}, 'forge_forbidden'],
    [404, {}, 'forge_not_found'],
    [409, {}, 'forge_conflict'],
    [410, {}, 'forge_not_found'],
    [422, { errors: [{ message: 'head is missing' }] }, 'forge_rejected'],
  ])('%i is told as what it is, after one request', async (status, more, code) => {
    const { server, failure } = await answer({ status, json: { message: 'Because I say so', ...more } })
    expect(failure.code).toBe(code)
    expect(failure.data).toMatchObject({ status })
    expect(server.seen).toHaveLength(1)
    if (status === 422) expect(failure.message).toContain('head is missing')
  })

  it.each([
    [{ 'retry-after': '120' }, 120_000, true],
    [{}, 60_000, true],
    [{ 'retry-after': new Date(Date.now() + 90_000).toUTCString() }, 90_000, true],
  ])('429 with %o says until when', async (headers, wait, secondary) => {
    const { server, failure } = await answer({ status: 429, headers, json: { message: 'Too many' } })
    expect(failure.code).toBe('forge_rate_limited')
    expect(failure.data.secondary).toBe(secondary)
    expect(Number(failure.data.resetsAt) - Date.now()).toBeGreaterThan(wait - 4_000)
    expect(Number(failure.data.resetsAt) - Date.now()).toBeLessThan(wait + 4_000)
    expect(server.seen).toHaveLength(1)
  })

  it('is a limit when the budget is spent, measured by the clock of the server', async () => {
    // The server is two hours ahead of us: by our clock the limit would hold for two and a half hours.
    const server = Date.now() + 2 * 3_600_000
    const { failure } = await answer({
      status: 403,
      headers: {
        'x-ratelimit-limit': '5000',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(Math.floor(server / 1000) + 1_800),
        date: new Date(server).toUTCString(),
      },
      json: { message: 'API rate limit exceeded' },
    })
    expect(failure.code).toBe('forge_rate_limited')
    expect(failure.data.secondary).toBe(false)
    const wait = Number(failure.data.resetsAt) - Date.now()
    expect(wait).toBeGreaterThan(1_790_000)
    expect(wait).toBeLessThan(1_810_000)
  })

  it('is a secondary limit by its words, although the budget is not spent', async () => {
    const { failure } = await answer({
      status: 403,
      headers: { 'x-ratelimit-remaining': '4000', 'retry-after': '30' },
      json: { message: 'You have exceeded a secondary rate limit.' },
    })
    expect(failure.code).toBe('forge_rate_limited')
    expect(failure.data.secondary).toBe(true)
  })

  it('that ends within seconds is waited for in place', async () => {
    const server = await scriptedServer()
    server.on(
      PULL,
      { status: 403, headers: { 'retry-after': '1' }, json: { message: 'secondary rate limit' } },
      { json: pull() },
    )
    const started = performance.now()
    const got = await forge(server, { throttle: true }).readPull(7)
    expect(got.number).toBe(7)
    expect(performance.now() - started).toBeGreaterThan(900)
    expect(server.seen).toHaveLength(2)
  })
})

describe('a forge that is not well', () => {
  it('gets a read asked once more, then it is told', async () => {
    const { server, failure } = await answer({ status: 502, text: '<html>Bad gateway' })
    expect(failure.code).toBe('forge_unavailable')
    expect(server.seen).toHaveLength(2)
  })

  it('is forgiven one hiccup', async () => {
    const server = await scriptedServer()
    server.on(PULL, { status: 500, json: {} }, { json: pull() })
    expect((await forge(server).readPull(7)).title).toBe('Fix it')
    server.on(PULL, { reset: true }, { json: pull() })
    expect((await forge(server).readPull(7)).title).toBe('Fix it')
  })

  it('that never answers is given up', async () => {
    const { failure } = await answer({ hang: true }, { timeoutMs: 100, retries: 0 })
    expect(failure.code).toBe('forge_unavailable')
    expect(failure.message).toContain('0.1 s')
  })

  it('whose answer breaks off has not answered', async () => {
    const list = JSON.stringify([pull(), pull({ number: 8 })])
    for (const cutAfter of [0, 1, 40, list.length - 1]) {
      const server = await scriptedServer()
      server.on('GET /repos/acme/app/pulls', {
        text: list,
        headers: { 'content-type': 'application/json' },
        cutAfter,
      })
      const failure = await failureOf(forge(server, { retries: 0 }).findPull('quartet/fix/r1a1'))
      expect(failure.code).toBe('forge_unavailable')
    }
  })

  it('whose answer is whole but nonsense has not answered', async () => {
    for (const scripted of [
      { text: '[{"number":', headers: { 'content-type': 'application/json' } },
      { text: '<html>Sign in to the proxy', headers: { 'content-type': 'text/html' } },
      { json: { hello: 'world' } },
      { json: null },
      { text: '' },
    ]) {
      expect((await answer(scripted)).failure.code).toBe('forge_unavailable')
    }
  })

  it('does not turn a conflict into an empty list', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/commits/aaa/check-runs', { status: 409, json: { message: 'Conflict' } })
    expect((await failureOf(forge(server).checksOf('aaa'))).code).toBe('forge_conflict')
  })

  it('does not get the token when it points to another server', async () => {
    const other = await scriptedServer()
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/pulls/7/reviews', {
      json: [],
      headers: { link: `<${other.url}/steal?page=2>; rel="next"` },
    })
    expect((await failureOf(forge(server, { retries: 0 }).readReviews(7))).code).toBe('forge_unavailable')
    expect(other.seen).toEqual([])
  })

  it('is left when the core ends', async () => {
    const server = await scriptedServer()
    server.on(PULL, { hang: true })
    const abort = new AbortController()
    const asked = failureOf(forge(server, { signal: abort.signal }).readPull(7))
    await expect.poll(() => server.seen.length).toBe(1)
    abort.abort()
    expect((await asked).code).toBe('cancelled')
  })
})

describe('asking again', () => {
  it('costs nothing while nothing changed', async () => {
    const server = await scriptedServer()
    server.on(
      PULL,
      { json: pull(), headers: { etag: 'W/"one"' } },
      { status: 304, headers: { etag: 'W/"one"' } },
      { status: 304 },
      { json: pull({ title: 'New title' }), headers: { etag: 'W/"two"' } },
    )
    const adapter = forge(server)
    for (const title of ['Fix it', 'Fix it', 'Fix it', 'New title'])
      expect((await adapter.readPull(7)).title).toBe(title)
    expect(server.seen.map((request) => request.headers['if-none-match'])).toEqual([
      undefined,
      'W/"one"',
      'W/"one"',
      'W/"one"',
    ])
  })

  it('does not believe for ever that nothing changed', async () => {
    const server = await scriptedServer((request) =>
      request.headers['if-none-match'] ? { status: 304 } : { json: pull(), headers: { etag: '"lies"' } },
    )
    const adapter = forge(server)
    for (let i = 0; i < 90; i++) await adapter.readPull(7)
    expect(server.seen.filter((request) => !request.headers['if-none-match'])).toHaveLength(3)
  })

  it('keeps count of the budget', async () => {
    const server = await scriptedServer()
    const reset = Math.floor(Date.now() / 1000) + 600
    server.on(PULL, {
      json: pull(),
      headers: {
        'x-ratelimit-limit': '5000',
        'x-ratelimit-remaining': '321',
        'x-ratelimit-reset': String(reset),
        'x-ratelimit-resource': 'core',
      },
    })
    const adapter = forge(server)
    expect(adapter.rate()).toBeNull()
    await adapter.readPull(7)
    expect(adapter.rate()).toMatchObject({ limit: 5000, remaining: 321 })
  })
})

describe('the token', () => {
  it('goes with every request and into no log, no failure', async () => {
    const redactor = new Redactor()
    redactor.add(TOKEN)
    const lines: string[] = []
    const server = await scriptedServer()
    server.on(PULL, { status: 500, json: { message: `your token ${TOKEN} is wrong` } })
    const log = createLogger((line) => lines.push(line), redactor)
    const failure = await failureOf(forge(server, { log }).readPull(7))
    log.error('it failed', { error: failure })
    expect(server.seen[0]?.headers.authorization).toBe(`token ${TOKEN}`)
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join()).not.toContain(TOKEN)
  })
})

describe('a pull request', () => {
  it.each([
    [{}, 'clean'],
    [{ mergeable: null, mergeable_state: 'unknown' }, 'unknown'],
    [{ mergeable: false, mergeable_state: 'dirty' }, 'conflict'],
    [{ mergeable_state: 'behind' }, 'behind'],
    [{ mergeable_state: 'blocked' }, 'blocked'],
    [{ mergeable_state: 'unstable' }, 'clean'],
    [{ draft: true, mergeable_state: 'draft' }, 'draft'],
  ])('with %o is %s', async (change, expected) => {
    const server = await scriptedServer()
    server.on(PULL, { json: pull(change) })
    expect((await forge(server).readPull(7)).mergeability).toBe(expected)
  })

  it('tells the commit on the base only once it is merged', async () => {
    const server = await scriptedServer()
    server.on(PULL, { json: pull() }, { json: pull({ state: 'closed', merged: true }) })
    expect(await forge(server).readPull(7)).toMatchObject({ state: 'open', mergedSha: null })
    expect(await forge(server).readPull(7)).toMatchObject({ state: 'merged', mergedSha: 'f'.repeat(40) })
  })

  const OPEN = {
    headBranch: 'quartet/fix/r1a1',
    headSha: SHA,
    baseBranch: 'main',
    title: 'Fix it',
    body: 'Because.',
    draft: false,
  }

  it('is opened once, although the answer to the first call was lost', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/pulls', { json: [] })
    server.on(PULL, { json: pull() })
    const adapter = forge(server, { timeoutMs: 200, retries: 0 })
    server.on('POST /repos/acme/app/pulls', { hang: true })
    const opening = adapter.openPull(OPEN)
    await expect.poll(() => server.count('POST /repos/acme/app/pulls')).toBe(1)
    server.on('GET /repos/acme/app/pulls', { json: [pull()] })
    expect((await opening).number).toBe(7)
    expect((await adapter.openPull(OPEN)).number).toBe(7)
    expect(server.count('POST /repos/acme/app/pulls')).toBe(1)
  })

  it('of somebody else that came in between is taken', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/pulls', { json: [] }, { json: [pull()] })
    server.on(PULL, { json: pull() })
    server.on('POST /repos/acme/app/pulls', {
      status: 422,
      json: { message: 'Validation Failed', errors: [{ message: 'A pull request already exists' }] },
    })
    expect((await forge(server).openPull(OPEN)).number).toBe(7)
  })

  it('of another branch is never taken, whatever the filter gives', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/pulls', { json: [pull({ head: { ref: 'other', sha: SHA } })] })
    expect(await forge(server).findPull('quartet/fix/r1a1')).toBeNull()
  })

  const MERGE = {
    number: 7,
    expectedHead: SHA,
    expectedBase: 'b'.repeat(40),
    method: 'squash',
    title: 'Fix it',
    message: '',
  } as const

  it('is merged at the head that was verified and at no other', async () => {
    const server = await scriptedServer()
    server.on(PULL, { json: pull() })
    server.on('GET /repos/acme/app/branches/main', { json: { name: 'main', protected: false } })
    server.on('PUT /repos/acme/app/pulls/7/merge', { json: { sha: 'c'.repeat(40), merged: true } })
    expect(await forge(server).mergePull(MERGE)).toEqual({ state: 'merged', sha: 'c'.repeat(40) })
    expect(server.seen.at(-1)?.body).toMatchObject({ sha: SHA, merge_method: 'squash' })
    const failure = await failureOf(forge(server).mergePull({ ...MERGE, expectedHead: 'd'.repeat(40) }))
    expect(failure.code).toBe('forge_conflict')
    expect(server.count('PUT /repos/acme/app/pulls/7/merge')).toBe(1)
  })

  it('that was merged by the call whose answer broke off is merged', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/branches/main', { json: { name: 'main', protected: false } })
    server.on(PULL, { json: pull() }, { json: pull({ state: 'closed', merged: true }) })
    server.on('PUT /repos/acme/app/pulls/7/merge', { json: { sha: 'c'.repeat(40) }, cutAfter: 3 })
    expect(await forge(server).mergePull(MERGE)).toEqual({ state: 'merged', sha: 'f'.repeat(40) })
  })

  it('goes into the merge queue where the branch has one', async () => {
    const server = await scriptedServer()
    server.on(PULL, { json: pull() })
    server.on('GET /repos/acme/app/branches/main', { json: { name: 'main', protected: true } })
    server.on('GET /repos/acme/app/rules/branches/main', { json: [{ type: 'merge_queue' }] })
    server.on('POST /graphql', { json: { data: { enqueuePullRequest: { clientMutationId: null } } } })
    expect(await forge(server).mergePull(MERGE)).toEqual({ state: 'queued' })
    expect(server.seen.at(-1)?.body).toMatchObject({ variables: { id: 'PR_7', head: SHA } })
    server.on('POST /graphql', {
      json: { errors: [{ message: 'Pull request is already in the queue' }], data: null },
    })
    expect(await forge(server).mergePull(MERGE)).toEqual({ state: 'queued' })
    server.on('POST /graphql', { json: { errors: [{ message: 'Required checks are missing' }], data: null } })
    expect((await failureOf(forge(server).mergePull(MERGE))).code).toBe('forge_rejected')
  })
})

describe('checks', () => {
  const RUNS = `GET /repos/acme/app/commits/${SHA}/check-runs`
  const STATUS = `GET /repos/acme/app/commits/${SHA}/status`
  const run = (id: number, name: string, change: Record<string, unknown> = {}) => ({
    id,
    name,
    head_sha: SHA,
    status: 'completed',
    conclusion: 'success',
    check_suite: { id: 1 },
    ...change,
  })
  const none = { json: { sha: SHA, statuses: [] } }

  it('are those of the commit alone, the newest of each, and cancelled is no success', async () => {
    const server = await scriptedServer()
    const check_runs = [
      run(1, 'test', { conclusion: 'failure' }),
      run(5, 'test', { conclusion: 'cancelled' }),
      run(6, 'test', { check_suite: { id: 2 } }),
      run(7, 'old', { head_sha: 'e'.repeat(40) }),
      run(8, 'lint', { status: 'in_progress', conclusion: null }),
      run(9, 'odd', { conclusion: 'never_heard_of' }),
    ]
    server.on(RUNS, { json: { total_count: check_runs.length, check_runs } })
    server.on(STATUS, {
      json: { sha: SHA, statuses: [{ id: 3, context: 'ci/legacy', state: 'error', description: 'Broken' }] },
    })
    const { checks, unreadable } = await forge(server).checksOf(SHA)
    expect(checks.map((check) => [check.name, check.context, check.status, check.conclusion])).toEqual([
      ['test', 'test', 'completed', 'cancelled'],
      ['test (2)', 'test', 'completed', 'success'],
      ['lint', 'lint', 'running', null],
      ['odd', 'odd', 'completed', 'failure'],
      ['ci/legacy', 'ci/legacy', 'completed', 'failure'],
    ])
    expect(unreadable).toEqual([])
  })

  it('that this token may not read are unknown, not none', async () => {
    const server = await scriptedServer()
    server.on(RUNS, { status: 403, json: { message: 'Resource not accessible by personal access token' } })
    server.on(STATUS, none)
    expect(await forge(server).checksOf(SHA)).toEqual({ checks: [], unreadable: ['check runs'] })
    server.on(STATUS, { status: 403, json: { message: 'No' } })
    expect((await failureOf(forge(server).checksOf(SHA))).code).toBe('forge_forbidden')
  })

  it('are read page by page', async () => {
    const server = await scriptedServer((request) => {
      if (!request.path.includes('check-runs')) return none
      const page = Number(new URL(request.path, server.url).searchParams.get('page') ?? 1)
      const next = `${server.url}/repos/acme/app/commits/${SHA}/check-runs?page=${page + 1}`
      return {
        json: { total_count: 3, check_runs: [run(page, `job ${page}`)] },
        headers: page < 3 ? { link: `<${next}>; rel="next"` } : {},
      }
    })
    const { checks } = await forge(server).checksOf(SHA)
    expect(checks.map((check) => check.name)).toEqual(['job 1', 'job 2', 'job 3'])
  })

  it('run again by job or by check, as the forge allows', async () => {
    const server = await scriptedServer()
    expect(await forge(server).rerunCheck({ externalId: '5', kind: 'run' })).toBe(false)
    server.on('POST /repos/acme/app/check-runs/5/rerequest', { status: 201, json: {} })
    expect(await forge(server).rerunCheck({ externalId: '5', kind: 'run' })).toBe(true)
    server.on('POST /repos/acme/app/actions/jobs/5/rerun', { status: 201, json: {} })
    expect(await forge(server).rerunCheck({ externalId: '5', kind: 'run' })).toBe(true)
    expect(server.seen.at(-1)?.path).toContain('/actions/jobs/5/rerun')
  })

  it('have the end of their log, or what they say of themselves', async () => {
    const server = await scriptedServer()
    const check = { externalId: '5', kind: 'run', summary: 'It failed.' } as const
    expect(await forge(server).readCheckLog(check)).toBe('It failed.')
    server.on('GET /repos/acme/app/actions/jobs/5/logs', {
      text: `${'x'.repeat(100_000)}\nError: boom`,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
    })
    const log = await forge(server).readCheckLog(check)
    expect(log?.endsWith('Error: boom')).toBe(true)
    expect(log?.length).toBeLessThan(70_000)
  })
})

describe('what people say', () => {
  const user = (login: string, type = 'User') => ({ login, type })
  const comment = (id: number, login: string, body: string, more: Record<string, unknown> = {}) => ({
    id,
    user: user(login, login === 'linter' ? 'Bot' : 'User'),
    body,
    created_at: '2026-01-02T03:04:05Z',
    ...more,
  })

  async function talkative(): Promise<ScriptedServer> {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/pulls/7/reviews', {
      json: [
        { id: 1, user: user('grace'), state: 'CHANGES_REQUESTED', body: 'Please mend.', commit_id: SHA },
        { id: 2, user: user('alan'), state: 'APPROVED', body: '', commit_id: SHA },
        { id: 3, user: user('grace'), state: 'COMMENTED', body: '', commit_id: SHA },
      ],
    })
    server.on('GET /repos/acme/app/pulls/7/comments', {
      json: [
        comment(10, 'grace', 'Why?', { path: 'a.ts', line: 3, commit_id: SHA }),
        comment(11, 'linter', 'Style', { path: 'b.ts', line: null, original_line: 9, commit_id: SHA }),
        comment(12, 'ada', 'Because.\n\n<!-- quartet:reply:line-10:c1 -->', {
          path: 'a.ts',
          in_reply_to_id: 10,
        }),
      ],
    })
    server.on('GET /repos/acme/app/issues/7/comments', {
      json: [
        comment(20, 'alan', 'Nice.'),
        comment(21, 'ada', 'Done.\n\n<!-- quartet:reply:comment-20:c1 -->'),
      ],
    })
    return server
  }

  it('is read as threads with our own answers known by their mark', async () => {
    const { reviews, decision, threads } = await forge(await talkative()).readReviews(7)
    expect(reviews).toHaveLength(3)
    expect(decision).toBe('changes_requested')
    expect(
      threads.map((thread) => [
        thread.kind,
        thread.externalId,
        thread.line,
        thread.resolved,
        thread.comments.map((each) => [each.author, each.bot, each.body, each.mark]),
      ]),
    ).toEqual([
      [
        'line',
        '10',
        3,
        null,
        [
          ['grace', false, 'Why?', null],
          ['ada', false, 'Because.', 'reply:line-10:c1'],
        ],
      ],
      ['line', '11', 9, null, [['linter', true, 'Style', null]]],
      ['review', '1', null, null, [['grace', false, 'Please mend.', null]]],
      [
        'comment',
        '20',
        null,
        null,
        [
          ['alan', false, 'Nice.', null],
          ['ada', false, 'Done.', 'reply:comment-20:c1'],
        ],
      ],
    ])
  })

  it('is known better where the forge has GraphQL', async () => {
    const server = await talkative()
    const node = (databaseId: number, isResolved: boolean) => ({
      isResolved,
      comments: { nodes: [{ databaseId }] },
    })
    server.on('POST /graphql', {
      json: {
        data: {
          repository: {
            pullRequest: {
              reviewDecision: 'REVIEW_REQUIRED',
              mergeQueueEntry: { position: 2 },
              reviewThreads: { nodes: [node(10, true), node(11, false)] },
            },
          },
        },
      },
    })
    const read = await forge(server).readReviews(7)
    expect(read).toMatchObject({ decision: 'review_required', queuePosition: 2 })
    expect(read.threads.map((thread) => thread.resolved)).toEqual([true, false, null, null])
  })

  it('is answered once, although the answer of the forge was lost', async () => {
    const server = await talkative()
    const POST = 'POST /repos/acme/app/pulls/7/comments/11/replies'
    server.on(POST, { json: comment(13, 'ada', 'Fixed.'), cutAfter: 5 })
    const adapter = forge(server)
    const thread = { externalId: '11', kind: 'line' } as const
    expect((await failureOf(adapter.reply(7, thread, 'Fixed.', 'c2'))).code).toBe('forge_unavailable')
    const posted = server.seen.at(-1)?.body as { body: string }
    expect(posted.body).toBe('Fixed.\n\n<!-- quartet:reply:line-11:c2 -->')
    server.on('GET /repos/acme/app/pulls/7/comments', {
      json: [comment(13, 'ada', posted.body, { path: 'b.ts', in_reply_to_id: 11 })],
    })
    expect((await adapter.reply(7, thread, 'Fixed.', 'c2')).externalId).toBe('13')
    expect(server.count(POST)).toBe(1)
  })
})

describe('the rules of a branch', () => {
  it('are gathered from protection and rulesets', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/branches/main', {
      json: { name: 'main', protected: true, protection: { required_status_checks: { contexts: ['test'] } } },
    })
    server.on('GET /repos/acme/app/rules/branches/main', {
      json: [
        { type: 'required_status_checks', parameters: { required_status_checks: [{ context: 'lint' }] } },
        { type: 'pull_request', parameters: { required_approving_review_count: 2 } },
      ],
    })
    expect(await forge(server).protectionOf('main')).toEqual({
      protected: true,
      requiredChecks: ['test', 'lint'],
      requiredApprovals: 2,
      mergeQueue: false,
    })
  })

  it('that cannot be read are unknown', async () => {
    const server = await scriptedServer()
    server.on('GET /repos/acme/app/branches/main', { json: { name: 'main', protected: true } })
    expect(await forge(server).protectionOf('main')).toMatchObject({
      requiredChecks: null,
      requiredApprovals: null,
    })
  })
})
