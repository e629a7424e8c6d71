import { execFileSync } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createEmulator } from 'emulate'
import { onTestFinished } from 'vitest'
import { isolatedEnv } from '../../git/fixtures.ts'

// GitHub for tests: `emulate` keeps pull requests, checks, reviews and comments; a bare repository is the remote. The
// emulator has no git transport, its pull requests do not follow pushes, and it knows no commit statuses and no `replies`
// route, so this bridge in front of it does what GitHub itself does: it mirrors the bare repository's objects and refs
// (same SHAs) into the emulator before each request, shows the real head of a branch, and merges in the bare repository.

export const TOKEN = 'token-of-the-engineer'
const REVIEWER = 'token-of-the-reviewer'
const REPO = '/repos/acme/app'

interface Exchange {
  method: string
  path: string
  body: unknown
}

/** What goes wrong with a request; `lost` does the work and cuts the line instead of answering, `half` cuts the answer. */
export type Fault =
  | 'lost'
  | 'half'
  | 'refused'
  | { status: number; headers?: Record<string, string>; message?: string }

export type EmulatedForge = Awaited<ReturnType<typeof emulatedForge>>

/** GitHub in front of the bare repository `acme/app`; `atEnd` is told what to end with the test. */
export async function emulatedForge(
  bare: string,
  atEnd: (work: () => Promise<void>) => void = onTestFinished,
) {
  const emulator = await createEmulator({
    service: 'github',
    port: 0,
    seed: {
      tokens: { [TOKEN]: { login: 'acme' }, [REVIEWER]: { login: 'grace' } },
      github: {
        users: [{ login: 'acme' }, { login: 'grace' }],
        repos: [{ owner: 'acme', name: 'app', auto_init: false }],
      },
    },
  })
  atEnd(() => emulator.close())
  const git = (args: string[], input?: string, env: Record<string, string> = {}) =>
    execFileSync('git', args, {
      cwd: bare,
      env: { ...isolatedEnv(bare), GIT_CONFIG_NOSYSTEM: '1', ...env },
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input === undefined ? {} : { input }),
    }).trimEnd()
  const known = new Set<string>()
  const mirrored = new Map<string, string>()
  const statuses = new Map<string, { id: number; context: string; state: string }[]>()
  const merged = new Map<number, { sha: string; head: string }>()
  const log: Exchange[] = []
  let fault: ((exchange: Exchange) => Fault | undefined) | undefined
  let unknownMergeability = 0
  let accepted = TOKEN

  const api = async (method: string, path: string, body?: unknown, token = TOKEN) => {
    const answer = await fetch(`${emulator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return {
      status: answer.status,
      headers: answer.headers,
      json: text === '' ? null : (JSON.parse(text) as unknown),
    }
  }
  const must = async (method: string, path: string, body?: unknown, token = TOKEN) => {
    const answer = await api(method, path, body, token)
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.json)}`)
    return answer.json as Record<string, never> & { id: number; number: number; sha: string }
  }

  const mirrorTree = async (tree: string): Promise<void> => {
    if (known.has(tree)) return
    const entries = git(['ls-tree', '-z', tree])
      .split('\0')
      .filter(Boolean)
      .map((line) => {
        const [meta = '', path = ''] = line.split('\t')
        const [mode = '', type = '', sha = ''] = meta.split(' ')
        return { mode, type, sha, path }
      })
    for (const entry of entries) {
      if (entry.type === 'tree') await mirrorTree(entry.sha)
      else if (!known.has(entry.sha)) {
        const content = execFileSync('git', ['cat-file', 'blob', entry.sha], { cwd: bare }).toString('base64')
        await must('POST', `${REPO}/git/blobs`, { content, encoding: 'base64' })
        known.add(entry.sha)
      }
    }
    await must('POST', `${REPO}/git/trees`, { tree: entries })
    known.add(tree)
  }
  const mirrorCommit = async (sha: string): Promise<void> => {
    const [tree = '', parents = '', an = '', ae = '', ad = '', cn = '', ce = '', cd = '', ...message] = git([
      'log',
      '-1',
      '--format=%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B',
      sha,
    ]).split('\n')
    await mirrorTree(tree)
    const made = await must('POST', `${REPO}/git/commits`, {
      tree,
      parents: parents.split(' ').filter(Boolean),
      message: `${message.join('\n').trimEnd()}\n`,
      author: { name: an, email: ae, date: ad },
      committer: { name: cn, email: ce, date: cd },
    })
    if (made.sha !== sha) throw new Error(`the emulator made ${made.sha} of commit ${sha}`)
    known.add(sha)
  }
  /** Brings the emulator up to the bare repository. */
  const mirror = async (): Promise<void> => {
    const refs = new Map(
      git(['for-each-ref', '--format=%(refname) %(objectname)', 'refs/heads/'])
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ') as [string, string]),
    )
    for (const [ref, sha] of refs) {
      if (mirrored.get(ref) === sha) continue
      for (const commit of git(['rev-list', '--reverse', '--topo-order', sha]).split('\n'))
        if (!known.has(commit)) await mirrorCommit(commit)
      const exists = (await api('GET', `${REPO}/git/ref/${ref.slice(5)}`)).status === 200
      if (exists) await must('PATCH', `${REPO}/git/refs/${ref.slice(5)}`, { sha, force: true })
      else await must('POST', `${REPO}/git/refs`, { ref, sha })
      mirrored.set(ref, sha)
    }
    for (const ref of [...mirrored.keys()]) {
      if (refs.has(ref)) continue
      await api('DELETE', `${REPO}/git/refs/${ref.slice(5)}`)
      mirrored.delete(ref)
    }
  }

  const headOf = (ref: string) => mirrored.get(`refs/heads/${ref}`) ?? null
  interface PullJson {
    number: number
    state: string
    merged: boolean
    mergeable: boolean | null
    mergeable_state: string
    merge_commit_sha: string | null
    head: { ref: string; sha: string }
    base: { ref: string; sha: string }
  }
  /** What GitHub would show: the real heads, and whether they merge. */
  const real = (pull: PullJson): PullJson => {
    const done = merged.get(pull.number)
    if (done) return { ...pull, merge_commit_sha: done.sha, head: { ...pull.head, sha: done.head } }
    const head = headOf(pull.head.ref)
    const base = headOf(pull.base.ref)
    if (pull.state !== 'open' || !head || !base) return pull
    let mergeable = true
    try {
      git(['merge-tree', '--write-tree', base, head])
    } catch {
      mergeable = false
    }
    const unknown = unknownMergeability > 0
    if (unknown) unknownMergeability--
    return {
      ...pull,
      mergeable: unknown ? null : mergeable,
      mergeable_state: unknown ? 'unknown' : mergeable ? 'clean' : 'dirty',
      head: { ...pull.head, sha: head },
      base: { ...pull.base, sha: base },
    }
  }

  const merge = async (number: number, body: Record<string, string>) => {
    const pull = real((await must('GET', `${REPO}/pulls/${number}`)) as unknown as PullJson)
    const refuse = (status: number, message: string) => ({ status, json: { message } as unknown })
    if (pull.merged || pull.state !== 'open') return refuse(405, 'Pull Request is not mergeable')
    if (body.sha && body.sha !== pull.head.sha)
      return refuse(409, 'Head branch was modified. Review and try the merge again.')
    if (pull.mergeable === false) return refuse(405, 'Merge conflict')
    const branch = await must('GET', `${REPO}/branches/${pull.base.ref}`)
    const required =
      (branch as { protection?: { required_status_checks?: { contexts?: string[] } } }).protection
        ?.required_status_checks?.contexts ?? []
    const runs = (await must('GET', `${REPO}/commits/${pull.head.sha}/check-runs`)) as unknown as {
      check_runs: { name: string; conclusion: string }[]
    }
    for (const name of required)
      if (!runs.check_runs.some((run) => run.name === name && run.conclusion === 'success'))
        return refuse(405, `Required status check "${name}" is expected.`)
    const tree = git(['merge-tree', '--write-tree', pull.base.sha, pull.head.sha])
    const who = {
      GIT_AUTHOR_NAME: 'acme',
      GIT_AUTHOR_EMAIL: 'acme@forge.test',
      GIT_COMMITTER_NAME: 'GitHub',
      GIT_COMMITTER_EMAIL: 'noreply@github.com',
    }
    const parents = body.merge_method === 'squash' ? [pull.base.sha] : [pull.base.sha, pull.head.sha]
    const sha = git(
      ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])],
      `${[body.commit_title, body.commit_message].filter(Boolean).join('\n\n')}\n`,
      who,
    )
    // The emulator judges by the head that the pull request was opened with: its rules were looked at here.
    if (required.length > 0) await api('DELETE', `${REPO}/branches/${pull.base.ref}/protection`)
    const done = await api('PUT', `${REPO}/pulls/${number}/merge`, { merge_method: body.merge_method })
    if (required.length > 0) await protect(required)
    if (done.status !== 200) return { status: done.status, json: done.json }
    git(['update-ref', `refs/heads/${pull.base.ref}`, sha, pull.base.sha])
    merged.set(number, { sha, head: pull.head.sha })
    // The emulator has put a merge of its own onto its copy of the base.
    mirrored.set(`refs/heads/${pull.base.ref}`, 'moved by the emulator')
    await mirror()
    return {
      status: 200,
      json: { sha, merged: true, message: 'Pull Request successfully merged' } as unknown,
    }
  }

  const protect = (contexts: string[]) =>
    must('PUT', `${REPO}/branches/main/protection`, {
      required_status_checks: { strict: false, contexts },
      enforce_admins: false,
      required_pull_request_reviews: null,
      restrictions: null,
    })

  const answer = async (exchange: Exchange, token: string): Promise<{ status: number; json: unknown }> => {
    const { method, body } = exchange
    const path = exchange.path.split('?')[0] ?? ''
    const number = Number(/\/pulls\/(\d+)/.exec(path)?.[1])
    if (path === '/graphql') return { status: 404, json: { message: 'Not Found' } }
    const status = new RegExp(`^${REPO}/commits/([0-9a-f]{40})/status$`).exec(path)?.[1]
    if (status) return { status: 200, json: { sha: status, statuses: statuses.get(status) ?? [] } }
    if (method === 'PUT' && path.endsWith('/merge')) return merge(number, body as Record<string, string>)
    const replied = /\/pulls\/\d+\/comments\/(\d+)\/replies$/.exec(path)?.[1]
    if (replied) {
      const made = await api(
        'POST',
        `${REPO}/pulls/${number}/comments`,
        { ...(body as object), in_reply_to_id: Number(replied) },
        token,
      )
      return { status: made.status, json: made.json }
    }
    const plain = await api(method, exchange.path, body ?? undefined, token)
    if (/\/pulls(\/\d+)?$/.test(path) && plain.status < 300) {
      const json = Array.isArray(plain.json)
        ? (plain.json as PullJson[]).map(real)
        : real(plain.json as PullJson)
      return { status: plain.status, json }
    }
    return { status: plain.status, json: plain.json }
  }

  // One at a time: the mirror and what is read from it belong together.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
  const handle = async (request: IncomingMessage, response: ServerResponse, sent: string) => {
    const exchange: Exchange = {
      method: request.method ?? '',
      path: request.url ?? '',
      body: sent === '' ? null : (JSON.parse(sent) as unknown),
    }
    const token = (request.headers.authorization ?? '').replace(/^(?:token|bearer) /i, '')
    log.push(exchange)
    const wrong = fault?.(exchange)
    if (wrong === 'refused') {
      request.socket.destroy()
      return
    }
    if (wrong && wrong !== 'lost' && wrong !== 'half') {
      response
        .writeHead(wrong.status, { 'content-type': 'application/json', ...wrong.headers })
        .end(JSON.stringify({ message: wrong.message ?? 'Something is wrong' }))
      return
    }
    if (token !== accepted) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"message":"Bad credentials"}')
      return
    }
    await mirror()
    const made = await answer(exchange, TOKEN)
    if (wrong === 'lost') {
      request.socket.destroy()
      return
    }
    const text = made.json === null ? '' : JSON.stringify(made.json)
    response.writeHead(made.status, { 'content-type': 'application/json; charset=utf-8' })
    if (wrong !== 'half') {
      response.end(text)
      return
    }
    response.write(text.slice(0, Math.floor(text.length / 2)), () => request.socket.destroy())
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      inTurn(() => handle(request, response, Buffer.concat(chunks).toString('utf8'))).catch(
        (error: unknown) => {
          if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
          response.end(JSON.stringify({ message: `the bridge failed: ${String(error)}` }))
        },
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  await mirror()

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** What the core asked for, in order. */
    log,
    count: (method: string, path: RegExp) =>
      log.filter((exchange) => exchange.method === method && path.test(exchange.path)).length,
    /** Decides for each request what goes wrong. */
    setFault: (rule: ((exchange: Exchange) => Fault | undefined) | undefined) => {
      fault = rule
    },
    /** So many answers say that mergeability is not known yet. */
    hideMergeability: (times: number) => {
      unknownMergeability = times
    },
    /** From now on only this token is accepted. */
    revoke: (next: string) => {
      accepted = next
    },
    protect,
    /** CI says how a check of a commit stands. */
    check: (sha: string, name: string, conclusion: string | null, output = '') =>
      inTurn(async () => {
        await mirror()
        const known = (await must('GET', `${REPO}/commits/${sha}/check-runs`)) as unknown as {
          check_runs: { id: number; name: string }[]
        }
        const run = known.check_runs.find((each) => each.name === name)
        const state = {
          status: conclusion === null ? 'in_progress' : 'completed',
          ...(conclusion === null ? {} : { conclusion }),
          output: { title: name, summary: output },
        }
        return run
          ? must('PATCH', `${REPO}/check-runs/${run.id}`, state)
          : must('POST', `${REPO}/check-runs`, { name, head_sha: sha, ...state })
      }),
    /** A reviewer writes at a line. */
    remark: (number: number, path: string, line: number, body: string) =>
      must('POST', `${REPO}/pulls/${number}/comments`, { path, line, body }, REVIEWER),
    review: (number: number, event: 'APPROVE' | 'REQUEST_CHANGES' | 'COMMENT', body: string) =>
      must('POST', `${REPO}/pulls/${number}/reviews`, { event, body }, REVIEWER),
    comment: (number: number, body: string) =>
      must('POST', `${REPO}/issues/${number}/comments`, { body }, REVIEWER),
    /** A person does it in the forge's own pages. */
    close: (number: number) => must('PATCH', `${REPO}/pulls/${number}`, { state: 'closed' }),
    mergeByHand: (number: number) =>
      inTurn(async () => {
        await mirror()
        return merge(number, { merge_method: 'squash', commit_title: `By hand (#${number})` })
      }),
    pulls: async () =>
      (await must('GET', `${REPO}/pulls?state=all`)) as unknown as (PullJson & {
        title: string
        body: string
      })[],
    comments: async (number: number) =>
      (await must('GET', `${REPO}/pulls/${number}/comments`)) as unknown as {
        body: string
        in_reply_to_id: number | null
      }[],
  }
}
