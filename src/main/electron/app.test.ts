import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import { implement } from '@orpc/server'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CoreClient } from '../../shared/contract/client.ts'
import { contract } from '../../shared/contract/contract.ts'
import { DESKTOP_CHANNELS } from '../../shared/contract/desktop-channels.ts'
import { Failure } from '../../shared/domain/failure.ts'
import type { BinaryChannel, Core, CoreOptions } from '../core/options.ts'
import { systemClock } from '../kernel/clock.ts'
import { Emitter } from '../kernel/emitter.ts'
import { runApp } from './app.ts'
import { serveParent } from './core-server.ts'
import { DESKTOP_CAPABILITIES } from './desktop-capabilities.ts'
import { Frame, type MessagePortMain, type UtilityProcess } from './testing/electron-double.ts'

// The whole shell against a DOUBLE of the `electron` module (testing/electron-double.ts), because Electron's binary cannot
// be had on every test machine. Real here: our main code, the core's process code with its lock and door, the ports
// (channels of worker_threads) and the contract over them. Not shown here: that Chromium obeys what we ask of it.
vi.mock('electron', () => import('./testing/electron-double.ts'))
const double = await import('./testing/electron-double.ts')

const PAGE = 'app://quartet/'
const os = implement(contract)

interface Stage {
  busy: boolean
  fails: Error | null
  made: CoreOptions[]
  closed: { stopAgents: boolean }[]
  viewers: BinaryChannel[]
}

let folder: string
let stage: Stage
const argv = process.argv

function createCore(options: CoreOptions): Promise<Core> {
  if (stage.fails) return Promise.reject(stage.fails)
  stage.made.push(options)
  const shutdown = new Emitter<{ stopAgents: boolean }>()
  return Promise.resolve({
    router: {
      system: {
        doctor: os.system.doctor.handler(() => [
          { name: 'life', status: 'ok' as const, detail: `${stage.made.length}` },
        ]),
        shutdown: os.system.shutdown.handler(({ input }) => {
          shutdown.emit(input)
          return { ok: true as const }
        }),
      },
    },
    connectTerminals: (channel) => {
      stage.viewers.push(channel)
      channel.onMessage((bytes) => channel.send(bytes.map((byte) => byte + 1)))
    },
    onShutdown: (listener) => shutdown.on(listener),
    busy: () => stage.busy,
    close: async (how) => {
      stage.closed.push(how)
    },
  })
}

/** Cores that have not ended: a double's process cannot be killed. */
const running = new Set<UtilityProcess>()

/** What core-entry.ts does, in this process. */
function coreProgram(child: UtilityProcess, args: string[]): void {
  running.add(child)
  const ended = (code: number) => {
    running.delete(child)
    child.die(code)
  }
  serveParent(child.parentPort, {
    createCore,
    dataDir: args[1] ?? '',
    port: null,
    root: folder,
    version: '0',
    host: 'electron',
    capabilities: DESKTOP_CAPABILITIES,
    nodePath: args[3] ?? '',
    env: {},
    clock: systemClock,
  }).then(
    () => ended(0),
    () => ended(1),
  )
}

beforeEach(async () => {
  double.resetElectron()
  folder = await mkdtemp(join(tmpdir(), 'quartet-shell-'))
  await mkdir(join(folder, 'out', 'renderer', 'assets'), { recursive: true })
  await writeFile(join(folder, 'out', 'renderer', 'index.html'), '<!doctype html>')
  await writeFile(join(folder, 'out', 'renderer', 'assets', 'app-12345678.js'), '1')
  await writeFile(join(folder, 'secret.json'), 'secret')
  await symlink(join(folder, 'secret.json'), join(folder, 'out', 'renderer', 'link.json'))
  stage = { busy: false, fails: null, made: [], closed: [], viewers: [] }
  process.argv = ['electron', folder, '--data-dir', join(folder, 'data')]
  double.utilityProcess.program = coreProgram
})
afterEach(async () => {
  process.argv = argv
  stage.busy = false
  double.app.quit()
  await vi.waitFor(() => {
    for (const child of running) {
      child.parentPort.emit('message', { data: { type: 'end', stopAgents: false }, ports: [] })
    }
    expect(running.size).toBe(0)
  }, 10_000)
  // The log still writes its last line.
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 25 })
})

const window = () => {
  const [first] = double.BrowserWindow.all
  if (!first) throw new Error('there is no window')
  return first
}

async function start(): Promise<void> {
  await runApp(folder)
  await vi.waitFor(() => expect(window().webContents.mainFrame.url).toBe(PAGE))
}

/** What the preload does when its page asks for ports: the pair that it gets. */
async function askForPorts(
  frame: Frame = window().webContents.mainFrame,
): Promise<[MessagePortMain, MessagePortMain]> {
  const before = frame.posted.length
  double.ipcMain.emit(DESKTOP_CHANNELS.requestPorts, { sender: window().webContents, senderFrame: frame })
  return vi.waitFor(() => portsOf(frame, before), 10_000)
}

function portsOf(frame: Frame, index: number): [MessagePortMain, MessagePortMain] {
  const post = frame.posted[index]
  const [rpc, terminals] = post?.ports ?? []
  if (post?.channel !== DESKTOP_CHANNELS.ports || !rpc || !terminals) throw new Error('no ports yet')
  return [rpc, terminals]
}

function clientOn(port: MessagePortMain): CoreClient {
  const client: CoreClient = createORPCClient(new RPCLink({ port }))
  port.start()
  return client
}

describe('the keychain', () => {
  it('is offered to the core, encrypted in the data directory, and not where there is none', async () => {
    await start()
    const [options] = await vi.waitFor(() => {
      expect(stage.made).toHaveLength(1)
      return stage.made
    }, 10_000)
    const { secrets } = options ?? {}
    if (!secrets) throw new Error('the core got no keychain')
    expect(await secrets.available()).toBe(true)
    await secrets.write('forge-token:github.com', 'a-token-to-keep')
    expect(await secrets.read('forge-token:github.com')).toBe('a-token-to-keep')
    const text = await readFile(join(folder, 'data', 'secrets.json'), 'utf8')
    expect(text).toContain('forge-token:github.com')
    expect(text).not.toContain('a-token-to-keep')
    double.safeStorage.works = false
    expect(await secrets.available()).toBe(false)
  })
})

describe('the window', () => {
  it('has no Node, is sandboxed and isolated, and shows our own scheme', async () => {
    await start()
    expect(double.app.sandboxed).toBe(true)
    expect(window().options.webPreferences).toMatchObject({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      nodeIntegrationInWorker: false,
      nodeIntegrationInSubFrames: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      webviewTag: false,
    })
    expect(window().options.webPreferences).not.toHaveProperty('enableBlinkFeatures')
    expect(window().loaded).toEqual([PAGE])
    expect(double.protocol.schemes).toEqual([
      { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
    ])
  })

  it('goes nowhere, opens nothing and embeds nothing', async () => {
    await start()
    const contents = window().webContents
    const urls = [
      'http://evil.test/',
      'https://evil.test',
      'file:///etc/passwd',
      'app://quartet.evil/',
      'app://evil/',
    ]
    urls.push(
      'javascript:alert(1)',
      'data:text/html,x',
      'app://quartet/other.html',
      'about:blank',
      'blob:app://quartet/1',
    )
    for (const kind of ['will-navigate', 'will-frame-navigate', 'will-redirect']) {
      for (const url of urls) {
        const preventDefault = vi.fn()
        contents.emit(kind, { url, isMainFrame: true, preventDefault })
        expect(preventDefault, `${kind} ${url}`).toHaveBeenCalled()
      }
      const inFrame = vi.fn()
      contents.emit(kind, { url: PAGE, isMainFrame: false, preventDefault: inFrame })
      expect(inFrame).toHaveBeenCalled()
      const reload = vi.fn()
      contents.emit(kind, { url: PAGE, isMainFrame: true, preventDefault: reload })
      expect(reload).not.toHaveBeenCalled()
    }
    const attach = vi.fn()
    contents.emit('will-attach-webview', { preventDefault: attach })
    expect(attach).toHaveBeenCalled()
  })

  it('opens links outside, and only those of the web', async () => {
    await start()
    const open = (url: string) => window().webContents.openHandler?.({ url })
    for (const url of [
      'file:///etc/passwd',
      'smb://host/share',
      'vscode://file/x',
      'ssh://host',
      'javascript:alert(1)',
      'ms-msdt:/id',
      'not a url',
      `https://x.test/${'a'.repeat(10_000)}`,
    ]) {
      expect(open(url)).toEqual({ action: 'deny' })
    }
    expect(double.shell.opened).toEqual([])
    expect(open('https://example.org/a?b=1')).toEqual({ action: 'deny' })
    expect(double.shell.opened).toEqual(['https://example.org/a?b=1'])
  })

  it('may copy and notify from its top frame, and nothing else', async () => {
    await start()
    const { defaultSession } = double.session
    const contents = window().webContents
    const ask = (permission: string, requestingUrl: string, isMainFrame: boolean) => {
      let granted = false
      defaultSession.request(contents, permission, (answer) => (granted = answer), {
        requestingUrl,
        isMainFrame,
      })
      const checked = defaultSession.check(contents, permission, requestingUrl, {
        requestingUrl,
        isMainFrame,
      })
      expect(checked).toBe(granted)
      return granted
    }
    expect(ask('clipboard-sanitized-write', PAGE, true)).toBe(true)
    expect(ask('notifications', PAGE, true)).toBe(true)
    expect(ask('notifications', PAGE, false)).toBe(false)
    expect(ask('notifications', 'https://evil.test/', true)).toBe(false)
    for (const permission of [
      'media',
      'geolocation',
      'clipboard-read',
      'midi',
      'openExternal',
      'fullscreen',
      'fileSystem',
      'hid',
      'usb',
      'display-capture',
      'unknown',
    ]) {
      expect(ask(permission, PAGE, true)).toBe(false)
    }
    expect(
      defaultSession.check(null, 'notifications', PAGE, { requestingUrl: PAGE, isMainFrame: true }),
    ).toBe(false)
    expect(defaultSession.device()).toBe(false)
    const streams = vi.fn()
    defaultSession.display({}, streams)
    expect(streams).toHaveBeenCalledWith({})
  })

  it('reaches nothing but its own files', async () => {
    await start()
    const cancelled = (url: string) => {
      let result = false
      double.session.defaultSession.before({ url }, ({ cancel }) => (result = cancel))
      return result
    }
    for (const url of [
      'http://evil.test/',
      'https://evil.test/x.png',
      'ws://127.0.0.1:1/',
      'file:///etc/passwd',
      'app://evil/',
    ]) {
      expect(cancelled(url), url).toBe(true)
    }
    for (const url of [
      PAGE,
      'app://quartet/assets/a.js',
      'data:image/png;base64,',
      'devtools://devtools/x',
    ]) {
      expect(cancelled(url), url).toBe(false)
    }
  })

  it('is where it was at the last start, as far as there is a screen', async () => {
    await start()
    window().maximized = true
    const path = join(folder, 'data', 'window.json')
    const stay = vi.fn()
    double.app.on('quit', stay)
    window().close()
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual({
      bounds: { x: 10, y: 20, width: 1000, height: 700 },
      maximized: true,
    })
    await vi.waitFor(() => expect(stay).toHaveBeenCalled(), 10_000)
    double.resetElectron()
    double.utilityProcess.program = coreProgram
    await start()
    expect(window().options).toMatchObject({ x: 10, y: 20, width: 1000, height: 700 })
    expect(window().maximized).toBe(true)
  })

  it('comes back after a crash of its page, and asks when it keeps crashing', async () => {
    await start()
    const crash = () =>
      window().webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 5 })
    crash()
    crash()
    expect(window().loaded).toHaveLength(3)
    double.dialog.answers = [0]
    crash()
    await vi.waitFor(() => expect(window().loaded).toHaveLength(4))
    expect(double.dialog.asked[0]?.message).toContain('keeps crashing')
  })
})

describe('our scheme', () => {
  const get = async (url: string, method = 'GET') => {
    const handler = double.protocol.handlers.get('app')
    if (!handler) throw new Error('no handler')
    // As Electron hands it over: Node's Request would refuse the scheme's odd paths or tidy them.
    return handler({ url, method } as Request)
  }

  it('serves the built window with the same policy as the web host', async () => {
    await start()
    const page = await get(PAGE)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self'; /)
    expect(page.headers.get('x-content-type-options')).toBe('nosniff')
    expect((await get('app://quartet/assets/app-12345678.js?v=1#x')).headers.get('content-type')).toContain(
      'javascript',
    )
  })

  it.each([
    'app://quartet/../secret.json',
    'app://quartet/..%2fsecret.json',
    'app://quartet/..%2f..%2fsecret.json',
    'app://quartet/%2e%2e/%2e%2e/secret.json',
    'app://quartet/..%5c..%5csecret.json',
    'app://quartet/..\\..\\secret.json',
    'app://quartet//etc/passwd',
    'app://quartet/%2fetc%2fpasswd',
    'app://quartet/C:%5cWindows%5cwin.ini',
    'app://quartet/link.json',
    'app://quartet.evil/index.html',
    'app://evil/index.html',
    'app://quartet@evil/index.html',
  ])('does not serve %s', async (url) => {
    await start()
    const answer = await get(url)
    expect([403, 404]).toContain(answer.status)
    expect(await answer.text()).toBe('')
  })

  it('is read-only', async () => {
    await start()
    expect((await get(PAGE, 'POST')).status).toBe(405)
  })
})

describe('ports', () => {
  it('carry the contract and terminals between page and core', async () => {
    await start()
    const [rpc, terminals] = await askForPorts()
    expect(await clientOn(rpc).system.doctor()).toMatchObject([{ name: 'life', detail: '1' }])
    const echoed = new Promise((resolve) => terminals.on('message', ({ data }) => resolve([...data])))
    terminals.start()
    terminals.postMessage(new Uint8Array([1, 2]))
    expect(await echoed).toEqual([2, 3])
  })

  it('are given after the core is there, to a page that asked before', async () => {
    double.utilityProcess.program = (child, args) => setTimeout(() => coreProgram(child, args), 100)
    await start()
    const [rpc] = await askForPorts()
    expect(await clientOn(rpc).system.doctor()).toHaveLength(1)
  })

  it('are offered again when the core was restarted', async () => {
    await start()
    const [rpc] = await askForPorts()
    expect(await clientOn(rpc).system.doctor()).toMatchObject([{ detail: '1' }])
    const frame = window().webContents.mainFrame
    // A crash cannot be played in this process; the process of the core that ends without a word is one to main.
    const [fork] = double.utilityProcess.forks
    fork?.child.parentPort.emit('message', { data: { type: 'end', stopAgents: false }, ports: [] })
    fork?.child.removeAllListeners('message')
    const [again] = await vi.waitFor(() => portsOf(frame, 1), 10_000)
    expect(double.utilityProcess.forks).toHaveLength(2)
    expect(await clientOn(again).system.doctor()).toMatchObject([{ detail: '2' }])
  })

  it.each([
    ['a frame inside the page', () => new Frame(PAGE, window().webContents.mainFrame)],
    ['a foreign page', () => new Frame('https://evil.test/')],
    ['a look-alike', () => new Frame('app://quartet.evil/')],
    ['a file', () => new Frame('file:///tmp/x.html')],
    ['a blank page', () => new Frame('about:blank')],
  ])('are refused to %s', async (_what, make) => {
    await start()
    await askForPorts()
    const frame = make()
    double.ipcMain.emit(DESKTOP_CHANNELS.requestPorts, { sender: window().webContents, senderFrame: frame })
    double.ipcMain.emit(DESKTOP_CHANNELS.requestPorts, { sender: window().webContents, senderFrame: null })
    await new Promise((resolve) => setImmediate(resolve))
    expect(frame.posted).toEqual([])
    expect(stage.viewers).toHaveLength(1)
  })

  it('end at the core when the page goes', async () => {
    await start()
    const [, terminals] = await askForPorts()
    await vi.waitFor(() => expect(stage.viewers).toHaveLength(1))
    const closed = new Promise<void>((resolve) => stage.viewers[0]?.onClose(resolve))
    terminals.close()
    await closed
  })
})

describe('what a desktop offers', () => {
  const call = (channel: string, input?: unknown, frame: Frame | null = window().webContents.mainFrame) =>
    double.ipcMain.invoke(channel, window().webContents, frame, input)

  it('is a folder dialog, the file manager and a badge', async () => {
    await start()
    expect(await call(DESKTOP_CHANNELS.chooseFolder)).toBeNull()
    double.dialog.folder = { canceled: false, filePaths: ['/repo'] }
    expect(await call(DESKTOP_CHANNELS.chooseFolder)).toBe('/repo')
    await call(DESKTOP_CHANNELS.reveal, '/repo/x')
    expect(double.shell.shown).toEqual(['/repo/x'])
    await call(DESKTOP_CHANNELS.badge, 3)
    expect(double.app.badge).toBe(3)
  })

  it('is checked for who asks and what it says, on every channel', async () => {
    await start()
    for (const channel of double.ipcMain.handlers.keys()) {
      for (const frame of [
        new Frame(PAGE, window().webContents.mainFrame),
        new Frame('https://evil.test/'),
        null,
      ]) {
        await expect(call(channel, undefined, frame)).rejects.toThrow('refused')
      }
    }
    for (const [channel, input] of [
      [DESKTOP_CHANNELS.chooseFolder, { defaultPath: '/etc' }],
      [DESKTOP_CHANNELS.reveal, 'relative'],
      [DESKTOP_CHANNELS.reveal, 7],
      [DESKTOP_CHANNELS.badge, -1],
      [DESKTOP_CHANNELS.badge, 'x'],
    ] as const) {
      await expect(call(channel, input)).rejects.toThrow('invalid input')
    }
  })
})

describe('the core’s process', () => {
  it('gets an environment without what would change how it runs', async () => {
    vi.stubEnv('NODE_OPTIONS', '--inspect')
    vi.stubEnv('ELECTRON_RUN_AS_NODE', '1')
    vi.stubEnv('QUARTET_TEST_KEPT', 'yes')
    await start()
    vi.unstubAllEnvs()
    const [fork] = double.utilityProcess.forks
    expect(fork?.options.env).toMatchObject({ QUARTET_TEST_KEPT: 'yes' })
    expect(fork?.options.env).not.toHaveProperty('NODE_OPTIONS')
    expect(fork?.options.env).not.toHaveProperty('ELECTRON_RUN_AS_NODE')
    expect(fork?.path).toBe(join(folder, 'out', 'main', 'core.js'))
    expect(fork?.args).toEqual(['--data-dir', join(folder, 'data'), '--node-path', process.execPath])
  })

  it('explains why it cannot start, and goes on when that is solved', async () => {
    stage.fails = new Failure('database_newer', 'This database was written by a newer Quartet.')
    const again = new Promise<void>((resolve) => {
      const show = double.dialog.showMessageBox
      vi.spyOn(double.dialog, 'showMessageBox').mockImplementationOnce(async (...args) => {
        stage.fails = null
        resolve()
        return show.apply(double.dialog, args)
      })
    })
    await start()
    await again
    const [rpc] = await askForPorts()
    expect(double.dialog.asked[0]).toMatchObject({
      message: 'This database was written by a newer Quartet.',
      buttons: ['Try again', 'Quit'],
    })
    expect(await clientOn(rpc).system.doctor()).toHaveLength(1)
  })

  it('leads to the core that already has the data directory', async () => {
    await start()
    await askForPorts()
    const { url } = JSON.parse(await readFile(join(folder, 'data', 'core.lock'), 'utf8')) as { url: string }
    // Another shell on the same data: its core's process finds the lock taken.
    double.dialog.answers = [2]
    const child = double.utilityProcess.fork('second', ['--data-dir', join(folder, 'data')], {
      env: {},
      serviceName: '',
    })
    const said = await new Promise((resolve) => child.on('message', resolve))
    expect(said).toMatchObject({ type: 'failed', code: 'data_dir_locked', url })
  })

  it('offers the way out when it keeps crashing', async () => {
    double.utilityProcess.program = (child) => child.die(1)
    double.dialog.answers = [1, 2]
    vi.useFakeTimers({ toFake: ['setTimeout'] })
    try {
      await runApp(folder)
      for (let i = 0; i < 5; i++) {
        await new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
        await vi.advanceTimersByTimeAsync(10_000)
      }
    } finally {
      vi.useRealTimers()
    }
    await vi.waitFor(() => expect(double.app.quits).toBe(1))
    expect(double.utilityProcess.forks).toHaveLength(5)
    expect(double.dialog.asked[0]?.buttons).toEqual(['Restart it', 'Show the log', 'Quit'])
    expect(double.shell.paths).toEqual([join(folder, 'data', 'logs')])
  })
})

describe('quitting', () => {
  it('asks nothing while nothing is at work, and ends the core in order', async () => {
    await start()
    await askForPorts()
    double.app.quit()
    await vi.waitFor(() => expect(double.app.quits).toBe(1), 10_000)
    expect(double.dialog.asked).toEqual([])
    expect(stage.closed).toEqual([{ stopAgents: false }])
  })

  it.each([
    ['keeps agents running', 0, { stopAgents: false }],
    ['stops them', 1, { stopAgents: true }],
  ])('%s when told to', async (_what, answer, how) => {
    await start()
    await askForPorts()
    stage.busy = true
    double.dialog.answers = [answer]
    double.app.quit()
    double.app.quit()
    await vi.waitFor(() => expect(double.app.quits).toBe(1), 10_000)
    expect(double.dialog.asked).toHaveLength(1)
    expect(stage.closed).toEqual([how])
  })

  it('can be thought better of, and the window comes back', async () => {
    await start()
    await askForPorts()
    stage.busy = true
    double.dialog.answers = [2]
    window().close()
    await vi.waitFor(() => expect(double.BrowserWindow.all).toHaveLength(1), 10_000)
    expect(double.app.quits).toBe(0)
    expect(stage.closed).toEqual([])
  })

  it('follows a client that ended the core', async () => {
    await start()
    const [rpc] = await askForPorts()
    expect(await clientOn(rpc).system.shutdown({ stopAgents: true })).toEqual({ ok: true })
    await vi.waitFor(() => expect(double.app.quits).toBe(1), 10_000)
    expect(stage.closed).toEqual([{ stopAgents: true }])
  })
})

describe('starting', () => {
  it('a second instance leaves at once, and the first comes to the front', async () => {
    await start()
    window().minimized = true
    double.app.emit('second-instance')
    expect(window()).toMatchObject({ minimized: false, focused: 1 })
    const { quits } = double.app
    double.app.first = false
    const forks = double.utilityProcess.forks.length
    double.app.removeAllListeners('before-quit')
    await runApp(folder)
    expect(double.app.quits).toBe(quits + 1)
    expect(double.utilityProcess.forks).toHaveLength(forks)
    // This test took the guard away; end the core by hand.
    double.utilityProcess.forks[0]?.child.postMessage({ type: 'end', stopAgents: false })
  })

  it('says in which phase it failed', async () => {
    await writeFile(join(folder, 'file'), '')
    process.argv = ['electron', folder, '--data-dir', join(folder, 'file', 'x')]
    await runApp(folder)
    expect(double.app.exited).toBe(1)
    expect(double.dialog.errors[0]).toMatch(/^Quartet could not start: While opening the data directory: /)
  })

  it('loads no address from the environment once packaged', async () => {
    vi.stubEnv('ELECTRON_RENDERER_URL', 'http://localhost:5173')
    await start()
    vi.unstubAllEnvs()
    expect(window().loaded).toEqual([PAGE])
    expect(JSON.stringify(double.Menu.template)).not.toMatch(/toggleDevTools|reload/)
  })
})
