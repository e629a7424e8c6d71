import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { implement } from '@orpc/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { CoreClient } from '../../../shared/contract/client.ts'
import { contract } from '../../../shared/contract/contract.ts'
import { createLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { type Door, openDoor } from './door.ts'
import { openDoorSomewhere } from './door-port.ts'
import { provesItself } from './probe.ts'
import { loadToken } from './token-file.ts'

// Real sockets against the real door; only the core behind it is a small one.

const os = implement(contract)
const router = {
  system: { doctor: os.system.doctor.handler(() => [{ name: 'n', status: 'ok' as const, detail: 'd' }]) },
}

let folder: string
let door: Door
let token: string
let lines: string[]
let slept: number[]
let time: number
let viewers: number
const ends: (() => void)[] = []

const options = () => {
  const redactor = new Redactor()
  return {
    token,
    pagesDir: join(folder, 'pages'),
    version: '1.2.3',
    log: createLogger((line) => lines.push(line), redactor),
    redactor,
    clock: { now: () => time, monotonic: () => time },
    sleep: async (ms: number) => {
      slept.push(ms)
    },
  }
}
const core = {
  router,
  connectTerminals: () => {
    viewers++
  },
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartet-door-'))
  lines = []
  slept = []
  time = 1_000_000
  viewers = 0
  await mkdir(join(folder, 'pages', 'assets'), { recursive: true })
  await writeFile(join(folder, 'pages', 'index.html'), '<!doctype html><title>Quartet</title>')
  await writeFile(join(folder, 'pages', 'assets', 'index-B1a2C3d4.js'), 'export {}')
  await writeFile(join(folder, 'pages', 'assets', 'font.woff2'), 'f')
  await writeFile(join(folder, 'pages', '.env.json'), '{}')
  await writeFile(join(folder, 'secret.json'), '{"secret":true}')
  await symlink(join(folder, 'secret.json'), join(folder, 'pages', 'link.json'))
  token = await loadToken(join(folder, 'token'))
  door = await openDoor({ ...options(), port: 0 })
  door.attach(core)
})
afterEach(async () => {
  for (const end of ends.splice(0)) end()
  await door.close()
  await rm(folder, { recursive: true, force: true })
})

interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
}

/** A request exactly as written: no client between us and the socket that would tidy the path or the headers. */
function ask(
  path: string,
  init: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port: door.port,
        path,
        method: init.method ?? 'GET',
        headers: { host: `127.0.0.1:${door.port}`, ...init.headers },
        setHost: false,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString(),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(init.body)
  })
}

const own = () => `http://127.0.0.1:${door.port}`
const signIn = (body: object = { token }, headers: Record<string, string> = {}) =>
  ask('/auth', {
    method: 'POST',
    headers: { origin: own(), 'content-type': 'application/json', 'x-quartet': '1', ...headers },
    body: JSON.stringify(body),
  })
const cookieFrom = (answer: Answer) => String(answer.headers['set-cookie']).split(';')[0] ?? ''

/** The status that an upgrade gets; 101 when it opens. */
function knock(path: string, headers: Record<string, string>): Promise<{ status: number; ws: WebSocket }> {
  const ws = new WebSocket(`ws://127.0.0.1:${door.port}${path}`, {
    headers: { host: `127.0.0.1:${door.port}`, ...headers },
  })
  ends.push(() => ws.terminate())
  return new Promise((resolve) => {
    ws.on('open', () => resolve({ status: 101, ws }))
    ws.on('unexpected-response', (_request, response) => resolve({ status: response.statusCode ?? 0, ws }))
    ws.on('error', () => {})
  })
}
const bearer = () => ({ authorization: `Bearer ${token}` })

describe('the window’s files', () => {
  it('are served with types, caching and a strict policy', async () => {
    const page = await ask('/')
    expect(page).toMatchObject({ status: 200, text: expect.stringContaining('Quartet') })
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    })
    const policy = String(page.headers['content-security-policy'])
    expect(policy).toContain("default-src 'none'; script-src 'self';")
    expect(policy).toContain(
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    )
    expect(policy).not.toMatch(/unsafe-eval|script-src[^;]*unsafe-inline|\*/)
    const script = await ask('/assets/index-B1a2C3d4.js?x=1')
    expect(script.headers['content-type']).toBe('text/javascript; charset=utf-8')
    expect(script.headers['cache-control']).toContain('immutable')
    expect((await ask('/assets/font.woff2')).headers['cache-control']).toBe('no-cache')
    expect(await ask('/', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' })
  })

  it.each([
    '/../secret.json',
    '/..%2fsecret.json',
    '/%2e%2e/secret.json',
    '/assets/..%2f..%2fsecret.json',
    '/..%5csecret.json',
    '/assets\\..\\..\\secret.json',
    '/%252e%252e/secret.json',
    '//etc/passwd',
    '/%2fetc%2fpasswd',
    '/C:/secret.json',
    '/link.json',
    '/.env.json',
    '/assets',
    '/secret.json%00.html',
    '/%ff',
  ])('do not include %s', async (path) => {
    const answer = await ask(path)
    expect(answer.status).toBe(404)
    expect(answer.text).not.toContain('secret":true')
  })

  it('cannot be written, and other methods get no CORS', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const answer = await ask('/', { method, headers: { origin: 'http://evil.test' } })
      expect(answer.status).toBe(405)
      expect(Object.keys(answer.headers).join()).not.toContain('access-control')
    }
  })

  it('cannot be embedded by other pages, but a link may lead here', async () => {
    const from = (mode: string, dest: string) => ({
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': mode,
      'sec-fetch-dest': dest,
    })
    expect((await ask('/assets/font.woff2', { headers: from('no-cors', 'image') })).status).toBe(403)
    expect((await ask('/', { headers: from('navigate', 'iframe') })).status).toBe(403)
    expect((await ask('/', { headers: from('navigate', 'document') })).status).toBe(200)
  })
})

describe('the Host header', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]'])('may be %s with our port', async (name) => {
    expect((await ask('/', { headers: { host: `${name}:${door.port}` } })).status).toBe(200)
  })

  it.each([
    'evil.test',
    'evil.test:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    'localhost.evil.test:PORT',
    '0.0.0.0:PORT',
    '127.1:PORT',
    'LOCALHOST:PORT',
    '127.0.0.1:PORT.evil.test',
    '',
  ])('may not be “%s” anywhere: a rebound name stays outside', async (pattern) => {
    const host = pattern.replace('PORT', String(door.port))
    for (const path of ['/', '/auth', '/hello?nonce=0123456789abcdef', '/assets/font.woff2']) {
      expect([400, 403]).toContain((await ask(path, { headers: { host } })).status)
    }
    expect((await signIn({ token }, { host, origin: `http://${host}` })).status).not.toBe(204)
    if (host) {
      expect((await knock('/ws/rpc', { ...bearer(), host, origin: `http://${host}` })).status).toBe(403)
    }
  })

  it('is not taken from an absolute request line', async () => {
    const answer = await ask(`http://evil.test/`, {})
    expect(answer.status).toBe(404)
  })
})

describe('signing in', () => {
  it('gives a cookie that scripts and other sites cannot use and that is not the token', async () => {
    const answer = await signIn()
    expect(answer.status).toBe(204)
    const [cookie] = answer.headers['set-cookie'] ?? []
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict; Path=\/; Max-Age=\d+$/)
    expect(cookie).not.toContain(token)
    expect((await ask('/auth', { headers: { cookie: cookieFrom(answer) } })).status).toBe(204)
    expect((await ask('/auth')).status).toBe(401)
    // Another data directory on another port must not sign this one out.
    expect(cookie).toMatch(new RegExp(`^quartet_${door.port}=`))
  })

  it('refuses what is wrong, and lets it wait longer each time', async () => {
    const wrong = ['', 'x', `${token}x`, token.slice(1), token.toUpperCase()]
    for (const guess of wrong) expect((await signIn({ token: guess })).status).toBe(401)
    for (const body of [{}, { token: 1 }, { token: null }, [token]]) {
      expect((await signIn(body)).status).toBe(401)
    }
    expect(slept).toHaveLength(9)
    expect(slept.at(-1)).toBeGreaterThan(slept[0] ?? 0)
    expect((await signIn()).status).toBe(204)
    expect(slept).toHaveLength(9)
  })

  it.each([
    ['another origin', { origin: 'http://evil.test' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['another name of ours', { origin: 'http://localhost:PORT' }],
    ['a sandboxed page', { origin: 'null' }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling site', { 'sec-fetch-site': 'same-site' }],
    ['a typed address', { 'sec-fetch-site': 'none' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['plain text', { 'content-type': 'text/plain' }],
  ])('refuses %s, even with the token', async (_what, headers) => {
    const fixed = Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key, value.replace('PORT', String(door.port))]),
    )
    const answer = await signIn({ token }, fixed)
    expect([403, 415]).toContain(answer.status)
    expect(answer.headers['set-cookie']).toBeUndefined()
  })

  it('refuses a request without our header, and without an origin', async () => {
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ token })
    expect(
      (await ask('/auth', { method: 'POST', headers: { ...headers, origin: own() }, body })).status,
    ).toBe(403)
    expect(
      (await ask('/auth', { method: 'POST', headers: { ...headers, 'x-quartet': '1' }, body })).status,
    ).toBe(403)
    expect((await ask(`/auth?token=${token}`, { headers: { origin: own() } })).status).toBe(401)
  })

  it('refuses a body that is too large', async () => {
    expect((await signIn({ token: 'x'.repeat(100_000) })).status).toBe(413)
  })

  it('takes a code once and within a minute, and gives codes only for the token', async () => {
    const mint = (headers: Record<string, string>) => ask('/auth/code', { method: 'POST', headers })
    expect((await mint({})).status).toBe(401)
    expect((await mint({ authorization: 'Bearer nope' })).status).toBe(401)
    expect((await mint({ ...bearer(), origin: 'http://evil.test' })).status).toBe(401)
    const { code } = JSON.parse((await mint(bearer())).text) as { code: string }
    expect((await signIn({ code })).status).toBe(204)
    expect((await signIn({ code })).status).toBe(401)
    const late = JSON.parse((await mint(bearer())).text) as { code: string }
    time += 61_000
    expect((await signIn({ code: late.code })).status).toBe(401)
  })

  it('holds over a restart, ends after its time, and cannot be forged', async () => {
    const cookie = cookieFrom(await signIn())
    const port = door.port
    await door.close()
    door = await openDoor({ ...options(), port })
    expect((await ask('/auth', { headers: { cookie } })).status).toBe(204)
    const [until = '', nonce = '', mac = ''] = cookie.split('=')[1]?.split('.') ?? []
    const name = `quartet_${port}`
    for (const forged of [
      `${until}z.${nonce}.${mac}`,
      `${until}.${nonce}x.${mac}`,
      `${until}.${nonce}`,
      token,
      '..',
    ]) {
      expect((await ask('/auth', { headers: { cookie: `${name}=${forged}` } })).status).toBe(401)
    }
    time += 31 * 24 * 60 * 60_000
    expect((await ask('/auth', { headers: { cookie } })).status).toBe(401)
  })
})

describe('WebSockets', () => {
  it('open for a browser with a session and our origin, and speak the contract', async () => {
    const cookie = cookieFrom(await signIn())
    const { status, ws } = await knock('/ws/rpc', { cookie, origin: own() })
    expect(status).toBe(101)
    const client: CoreClient = createORPCClient(new RPCLink({ websocket: ws as never }))
    expect(await client.system.doctor()).toHaveLength(1)
    expect((await knock('/ws/terminals', { cookie, origin: own() })).status).toBe(101)
    expect(viewers).toBe(1)
    expect(door.clients()).toBe(2)
  })

  it('open for the command line with the token alone', async () => {
    expect((await knock('/ws/rpc', bearer())).status).toBe(101)
  })

  it.each([
    ['nothing', () => ({}), 403],
    ['our origin alone', () => ({ origin: own() }), 401],
    ['a wrong token', () => ({ authorization: 'Bearer x' }), 401],
    [
      'a wrong token as the only proof beside an origin',
      () => ({ authorization: 'Bearer x', origin: own() }),
      401,
    ],
    ['the token and a foreign origin', () => ({ ...bearer(), origin: 'http://evil.test' }), 403],
    ['the token as a cookie', () => ({ cookie: `quartet_${door.port}=${token}`, origin: own() }), 401],
  ] as const)('stay closed for %s', async (_what, headers, status) => {
    expect((await knock('/ws/rpc', headers())).status).toBe(status)
    expect(door.clients()).toBe(0)
  })

  it.each([
    ['no origin', {}],
    ['a foreign origin', { origin: 'http://evil.test' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['https', { origin: 'https://127.0.0.1:PORT' }],
    ['null', { origin: 'null' }],
    ['another site', { origin: 'http://127.0.0.1:PORT', 'sec-fetch-site': 'cross-site' }],
  ])('stay closed for a session with %s', async (_what, headers: Record<string, string>) => {
    const cookie = cookieFrom(await signIn())
    const fixed = Object.fromEntries(
      Object.entries(headers).map(([key, value]) => [key, value.replace('PORT', String(door.port))]),
    )
    expect((await knock('/ws/rpc', { cookie, ...fixed })).status).toBe(403)
  })

  it('have two paths, and take no token from the address', async () => {
    expect((await knock('/ws/else', bearer())).status).toBe(404)
    expect((await knock('/', bearer())).status).toBe(404)
    expect((await knock(`/ws/rpc?token=${token}`, { origin: own() })).status).toBe(401)
  })

  it('close on an oversize frame, alone', async () => {
    const other = await knock('/ws/rpc', bearer())
    for (const path of ['/ws/rpc', '/ws/terminals']) {
      const { ws } = await knock(path, bearer())
      const closed = once(ws, 'close')
      ws.send(Buffer.alloc(9 * 1024 * 1024))
      expect((await closed)[0]).toBe(1009)
    }
    const client: CoreClient = createORPCClient(new RPCLink({ websocket: other.ws as never }))
    expect(await client.system.doctor()).toHaveLength(1)
  })

  it('are bounded in number', async () => {
    await door.close()
    door = await openDoor({ ...options(), port: 0, maxClients: 2 })
    door.attach(core)
    expect((await knock('/ws/rpc', bearer())).status).toBe(101)
    expect((await knock('/ws/rpc', bearer())).status).toBe(101)
    expect((await knock('/ws/rpc', bearer())).status).toBe(503)
  })

  it('that stay silent are dropped, answering ones are not', async () => {
    await door.close()
    door = await openDoor({ ...options(), port: 0, heartbeatMs: 100 })
    door.attach(core)
    const silent = new WebSocket(`ws://127.0.0.1:${door.port}/ws/rpc`, { headers: bearer(), autoPong: false })
    await once(silent, 'open')
    const { ws } = await knock('/ws/rpc', bearer())
    await once(silent, 'close')
    expect(ws.readyState).toBe(WebSocket.OPEN)
  })

  it('wait until the core is there', async () => {
    await door.close()
    door = await openDoor({ ...options(), port: 0 })
    expect((await knock('/ws/rpc', bearer())).status).toBe(503)
    door.attach(core)
    expect((await knock('/ws/rpc', bearer())).status).toBe(101)
  })

  it('are told when the door closes', async () => {
    const { ws } = await knock('/ws/rpc', bearer())
    const closed = once(ws, 'close')
    await door.close()
    expect((await closed)[0]).toBe(1001)
  })
})

describe('the door itself', () => {
  it('listens on loopback only', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .filter((address) => address && !address.internal && address.family === 'IPv4')
    for (const address of outside) {
      const socket = connect({ host: address?.address ?? '', port: door.port })
      const [error] = (await once(socket, 'error')) as [{ code: string }]
      expect(error.code).toBe('ECONNREFUSED')
    }
    expect(door.url).toBe(`http://127.0.0.1:${door.port}`)
  })

  it('says which port is in use', async () => {
    const refused = await openDoor({ ...options(), port: door.port }).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'port_in_use', data: { port: door.port } })
    expect((refused as Error).message).toMatch(/^Port \d+ is used by another program\..*--port/)
  })

  it('comes back on its port, and elsewhere when that is taken', async () => {
    const portPath = join(folder, 'port')
    const first = await openDoorSomewhere({ ...options(), asked: null, portPath })
    await first.close()
    const again = await openDoorSomewhere({ ...options(), asked: null, portPath })
    expect(again.port).toBe(first.port)
    const third = await openDoorSomewhere({ ...options(), asked: null, portPath })
    expect(third.port).not.toBe(first.port)
    expect(Number(await readFile(portPath, 'utf8'))).toBe(third.port)
    await again.close()
    await third.close()
  })

  it('proves that it knows the token without showing it', async () => {
    expect(await provesItself(door.url, token)).toBe(true)
    expect(await provesItself(door.url, 'another')).toBe(false)
    expect(await provesItself('http://127.0.0.1:1', token)).toBe(false)
  })

  it('ends a client that dribbles', async () => {
    const socket = connect({ host: '127.0.0.1', port: door.port })
    await once(socket, 'connect')
    socket.write('GET / HTTP/1.1\r\nHost: ')
    const closed = once(socket, 'close')
    socket.resume()
    await closed
  }, 20_000)

  it('survives a peer that resets in the middle of an upgrade', async () => {
    for (let i = 0; i < 20; i++) {
      const socket = connect({ host: '127.0.0.1', port: door.port })
      await once(socket, 'connect')
      socket.on('error', () => {})
      socket.write(
        `GET /ws/rpc HTTP/1.1\r\nHost: 127.0.0.1:${door.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nAuthorization: Bearer x\r\n\r\n`,
      )
      socket.resetAndDestroy()
    }
    expect((await ask('/')).status).toBe(200)
  })

  it('never writes the token, a code or a session to the log', async () => {
    const cookie = cookieFrom(await signIn())
    await signIn({ token: 'wrong' })
    const { code } = JSON.parse((await ask('/auth/code', { method: 'POST', headers: bearer() })).text) as {
      code: string
    }
    const { ws } = await knock('/ws/rpc', bearer())
    ws.send(`not json ${token} ${code} ${cookie}`)
    await once(ws, 'close')
    const log = lines.join('\n')
    expect(log).toContain('broke the protocol')
    for (const secret of [token, code, cookie]) expect(log).not.toContain(secret)
  })
})

describe('the token file', () => {
  it('is private, kept, and replaced when others could have read it', async () => {
    const path = join(folder, 'token')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(Buffer.from(token, 'base64url')).toHaveLength(32)
    expect(await loadToken(path)).toBe(token)
    const open = join(folder, 'open')
    await writeFile(open, token, { mode: 0o644 })
    expect(await loadToken(open)).not.toBe(token)
    expect((await stat(open)).mode & 0o777).toBe(0o600)
    await writeFile(join(folder, 'short'), 'abc', { mode: 0o600 })
    expect(await loadToken(join(folder, 'short'))).toHaveLength(43)
  })
})
