import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { implement } from '@orpc/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { CoreClient } from '../../shared/contract/client.ts'
import { contract } from '../../shared/contract/contract.ts'
import { Failure } from '../../shared/domain/failure.ts'
import type { Core, CoreOptions } from '../core/options.ts'
import { Emitter } from '../kernel/emitter.ts'
import { packageRoot } from '../kernel/package-root.ts'
import { runWebHost, type WebHostSetup } from './web-host.ts'

// The host with everything that is its own: arguments, lock, door, signals, idle exit. The core behind it is a small one
// that serves part of the real contract, so that these tests fail for reasons of the host only.

const root = packageRoot(import.meta.dirname)
const os = implement(contract)

interface Stage {
  made: CoreOptions[]
  closed: { stopAgents: boolean }[]
  busy: boolean
  fails: Error | null
}

let folder: string
let dataDir: string
let stage: Stage

function setup(extra: Partial<WebHostSetup> = {}): WebHostSetup {
  return {
    root,
    createCore: async (options): Promise<Core> => {
      if (stage.fails) throw stage.fails
      stage.made.push(options)
      const shutdown = new Emitter<{ stopAgents: boolean }>()
      return {
        router: {
          system: {
            doctor: os.system.doctor.handler(() => [
              { name: 'n', status: 'ok' as const, detail: options.dataDir },
            ]),
            shutdown: os.system.shutdown.handler(({ input }) => {
              shutdown.emit(input)
              return { ok: true as const }
            }),
          },
        },
        connectTerminals: () => {},
        onShutdown: (listener) => shutdown.on(listener),
        busy: () => stage.busy,
        close: async (how) => {
          stage.closed.push(how)
        },
      }
    },
    ...extra,
  }
}

class Run {
  readonly out: string[] = []
  readonly err: string[] = []
  readonly #stop = new AbortController()
  readonly exit: Promise<number>
  #heard: () => void = () => {}

  constructor(argv: string[], with_: WebHostSetup = setup()) {
    this.exit = runWebHost(
      argv,
      {
        out: (line) => {
          this.out.push(line)
          this.#heard()
        },
        err: (line) => this.err.push(line),
        env: {},
        nodePath: process.execPath,
        signal: this.#stop.signal,
      },
      with_,
    )
    runs.push(this)
  }

  /** The line that says where it serves. */
  async ready(): Promise<{ url: string; token: string; pid: number; dataDir: string }> {
    const spoke = new Promise<void>((resolve) => {
      this.#heard = resolve
    })
    if (this.out.length === 0) await Promise.race([spoke, this.exit])
    return JSON.parse(this.out[0] ?? '{}')
  }

  async end(): Promise<number> {
    this.#stop.abort()
    return this.exit
  }
}
const runs: Run[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartet host ü '))
  dataDir = join(folder, 'data')
  stage = { made: [], closed: [], busy: false, fails: null }
})
afterEach(async () => {
  await Promise.all(runs.splice(0).map((run) => run.end().catch(() => {})))
  await rm(folder, { recursive: true, force: true })
})

async function dial(url: string, token: string): Promise<{ client: CoreClient; ws: WebSocket }> {
  const ws = new WebSocket(new URL('/ws/rpc', url.replace('http', 'ws')), {
    headers: { authorization: `Bearer ${token}` },
  })
  await new Promise((resolve, reject) => {
    ws.on('open', resolve)
    ws.on('error', reject)
  })
  return { client: createORPCClient(new RPCLink({ websocket: ws as never })), ws }
}

describe('the web host', () => {
  it('serves, says where in one line, and ends on a signal leaving agents alone', async () => {
    const run = new Run(['--json', '--data-dir', dataDir])
    const ready = await run.ready()
    expect(Object.keys(ready)).toEqual(['url', 'token', 'pid', 'dataDir'])
    expect(ready).toMatchObject({ pid: process.pid, dataDir })
    expect(ready.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const { client, ws } = await dial(ready.url, ready.token)
    expect(await client.system.doctor()).toMatchObject([{ detail: dataDir }])
    ws.terminate()
    expect(JSON.parse(await readFile(join(dataDir, 'core.lock'), 'utf8'))).toMatchObject({ url: ready.url })
    expect(await run.end()).toBe(0)
    expect(stage.closed).toEqual([{ stopAgents: false }])
    expect(await readdir(dataDir)).not.toContain('core.lock')
    expect(run.out).toHaveLength(1)
  })

  it('tells the core where everything is', async () => {
    await new Run(['--json', '--data-dir', dataDir]).ready()
    expect(stage.made[0]).toMatchObject({
      dataDir,
      host: 'web',
      resourcesDir: join(root, 'resources'),
      ptyHostEntry: join(root, 'out', 'main', 'pty-host.js'),
      nodePath: process.execPath,
      capabilities: { folderDialog: false, notifications: 'browser' },
    })
  })

  it('keeps its data private', async () => {
    await new Run(['--json', '--data-dir', dataDir]).ready()
    const mode = async (name: string) => (await stat(join(dataDir, name))).mode & 0o777
    for (const name of ['.', 'db', 'logs', 'terminals', 'worktrees', 'run'])
      expect(await mode(name)).toBe(0o700)
    for (const name of ['token', 'core.lock', 'port']) expect(await mode(name)).toBe(0o600)
  })

  it('prints an address to open for people, and keeps the token out of its log and argv', async () => {
    const run = new Run(['--data-dir', dataDir])
    await run.ready().catch(() => {})
    expect(run.out[0]).toMatch(/^Quartet serves: http:\/\/127\.0\.0\.1:\d+\/#token=[\w-]{43}$/)
    const token = run.out[0]?.split('#token=')[1] ?? ''
    await run.end()
    const log = join(dataDir, 'logs', 'core.log')
    await expect.poll(() => readFile(log, 'utf8').catch(() => '')).toContain('closing')
    expect(await readFile(log, 'utf8')).not.toContain(token)
    expect(await readFile('/proc/self/cmdline', 'utf8').catch(() => '')).not.toContain(token)
  })

  it('attaches to the core that already has the data directory', async () => {
    const first = await new Run(['--json', '--data-dir', dataDir]).ready()
    const second = new Run(['--json', '--data-dir', dataDir])
    expect(await second.exit).toBe(0)
    expect(await second.ready()).toEqual(first)
    const third = new Run(['--data-dir', dataDir])
    expect(await third.exit).toBe(0)
    expect(third.out).toEqual([`Quartet already runs here: ${first.url}/#token=${first.token}`])
    expect(stage.made).toHaveLength(1)
    // It is still the first one's.
    expect((await dial(first.url, first.token)).ws.readyState).toBe(WebSocket.OPEN)
  })

  it('does not show its token to a stranger on the port of the other core', async () => {
    const first = await new Run(['--json', '--data-dir', dataDir]).ready()
    let heard = ''
    const stranger = createServer((socket) => {
      socket.on('data', (data) => {
        heard += data.toString()
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
      })
    })
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const lock = join(dataDir, 'core.lock')
    const holder = JSON.parse(await readFile(lock, 'utf8'))
    const address = stranger.address()
    const port = typeof address === 'object' ? address?.port : 0
    await writeFile(lock, JSON.stringify({ ...holder, url: `http://127.0.0.1:${port}` }))
    const second = new Run(['--json', '--data-dir', dataDir], setup({ startingMs: 200 }))
    expect(await second.exit).toBe(1)
    expect(JSON.parse(second.out[0] ?? '')).toMatchObject({ error: { code: 'data_dir_locked' } })
    expect(second.err[0]).toMatch(
      /already runs with this data directory \(process \d+\), but does not answer/,
    )
    expect(heard).toContain('GET /hello?nonce=')
    expect(heard).not.toContain(first.token)
    stranger.close()
  })

  it('says that a port is in use, and gives the data directory back', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = String(typeof address === 'object' ? address?.port : 0)
    const run = new Run(['--json', '--data-dir', dataDir, '--port', port])
    expect(await run.exit).toBe(1)
    expect(JSON.parse(run.out[0] ?? '')).toMatchObject({ error: { code: 'port_in_use' } })
    expect(run.err).toEqual([
      `Port ${port} is used by another program. Choose another one with --port, or leave it out.`,
    ])
    taken.close()
    expect((await new Run(['--json', '--data-dir', dataDir]).ready()).url).toBeDefined()
  })

  it('says why the core does not start, and gives everything back', async () => {
    stage.fails = new Failure('database_newer', 'This database was written by a newer Quartet.')
    const run = new Run(['--data-dir', dataDir])
    expect(await run.exit).toBe(1)
    expect(run.err).toEqual(['This database was written by a newer Quartet.'])
    stage.fails = null
    const ready = await new Run(['--json', '--data-dir', dataDir]).ready()
    expect((await fetch(`${ready.url}/hello?nonce=0123456789abcdef`)).status).toBe(200)
  })

  it.each([
    [['--port', 'abc'], /no port/],
    [['--port', '70000'], /no port/],
    [['--nonsense'], /nonsense/],
  ])('refuses %j', async (argv, sentence) => {
    const run = new Run([...argv, '--json'])
    expect(await run.exit).toBe(2)
    expect(run.err[0]).toMatch(sentence)
    expect(JSON.parse(run.out[0] ?? '')).toMatchObject({ error: { code: 'invalid_input' } })
  })

  it('says why a data directory cannot be used', async () => {
    await writeFile(join(folder, 'file'), '')
    const run = new Run(['--data-dir', join(folder, 'file', 'below')])
    expect(await run.exit).toBe(2)
    expect(run.err[0]).toMatch(/cannot be used: a part of the path is a file/)
    // One that everybody may write to, as /tmp: neither used nor changed.
    const shared = join(folder, 'shared')
    await mkdir(shared)
    await chmod(shared, 0o1777)
    const other = new Run(['--data-dir', shared])
    expect(await other.exit).toBe(2)
    expect(other.err[0]).toMatch(/Other users can write/)
    expect((await stat(shared)).mode & 0o7777).toBe(0o1777)
  })

  it('ends when a client asks for it, after having answered', async () => {
    const run = new Run(['--json', '--data-dir', dataDir])
    const { url, token } = await run.ready()
    const { client } = await dial(url, token)
    expect(await client.system.shutdown({ stopAgents: true })).toEqual({ ok: true })
    expect(await run.exit).toBe(0)
    expect(stage.closed).toEqual([{ stopAgents: true }])
  })

  it('ends by itself only when nothing is at work and nobody is connected', async () => {
    stage.busy = true
    const run = new Run(
      ['--json', '--data-dir', dataDir, '--exit-when-idle'],
      setup({ idleMs: 50, idlePollMs: 10 }),
    )
    const { url, token } = await run.ready()
    const { ws } = await dial(url, token)
    let ended = false
    void run.exit.then(() => {
      ended = true
    })
    const stays = async () => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      expect(ended).toBe(false)
    }
    await stays()
    stage.busy = false
    await stays()
    ws.terminate()
    expect(await run.exit).toBe(0)
  })

  it('stays without being asked to leave when idle', async () => {
    const run = new Run(['--json', '--data-dir', dataDir], setup({ idleMs: 1, idlePollMs: 1 }))
    await run.ready()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(stage.closed).toEqual([])
  })
})
