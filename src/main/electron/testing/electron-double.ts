import { EventEmitter } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'

// A DOUBLE of the `electron` module. Electron's binary cannot be had on every test machine, so main and preload are
// exercised against this: it records what they ask of Electron and lets tests play Electron's side. Its message ports are
// real channels of worker_threads. What it cannot show is that Chromium obeys: that is for the e2e specs, which drive the
// real binary wherever it exists.

/** MessagePortMain: emits `{data, ports}` and must be started. */
export class MessagePortMain extends EventEmitter {
  readonly real: MessagePort

  constructor(real: MessagePort) {
    super()
    this.real = real
    real.on('message', (data: unknown) => this.emit('message', { data, ports: [] }))
    real.on('close', () => this.emit('close'))
    // Listening starts a port of Node, one of Electron waits for start().
    real.ref()
  }

  postMessage(message: unknown): void {
    this.real.postMessage(message)
  }

  start(): void {
    this.real.start()
  }

  close(): void {
    this.real.close()
  }
}

export class MessageChannelMain {
  readonly port1: MessagePortMain
  readonly port2: MessagePortMain

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.port1 = new MessagePortMain(port1)
    this.port2 = new MessagePortMain(port2)
  }
}

/** WebFrameMain: `posted` is what main said to its page. */
export class Frame {
  readonly posted: { channel: string; message: unknown; ports: MessagePortMain[] }[] = []
  url: string
  parent: Frame | null
  destroyed = false
  onPost: (channel: string, ports: MessagePortMain[]) => void = () => {}

  constructor(url: string, parent: Frame | null = null) {
    this.url = url
    this.parent = parent
  }

  postMessage(channel: string, message: unknown, ports: MessagePortMain[] = []): void {
    this.posted.push({ channel, message, ports })
    this.onPost(channel, ports)
  }

  isDestroyed(): boolean {
    return this.destroyed
  }
}

type OpenHandler = (details: { url: string }) => { action: string }

export class WebContents extends EventEmitter {
  mainFrame = new Frame('about:blank')
  openHandler: OpenHandler | null = null
  crashed = 0

  constructor() {
    super()
    app.emit('web-contents-created', {}, this)
  }

  getURL(): string {
    return this.mainFrame.url
  }

  setWindowOpenHandler(handler: OpenHandler): void {
    this.openHandler = handler
  }

  forcefullyCrashRenderer(): void {
    this.crashed++
  }
}

export class BrowserWindow extends EventEmitter {
  static all: BrowserWindow[] = []
  readonly options: Record<string, unknown> & { webPreferences?: Record<string, unknown> }
  readonly webContents = new WebContents()
  readonly loaded: string[] = []
  maximized = false
  minimized = false
  focused = 0
  shown = 0

  constructor(options: Record<string, unknown>) {
    super()
    this.options = options
    BrowserWindow.all.push(this)
  }

  static fromWebContents(contents: WebContents): BrowserWindow | null {
    return BrowserWindow.all.find((window) => window.webContents === contents) ?? null
  }

  async loadURL(url: string): Promise<void> {
    this.loaded.push(url)
    this.webContents.mainFrame = new Frame(url)
  }

  show(): void {
    this.shown++
  }

  focus(): void {
    this.focused++
  }

  maximize(): void {
    this.maximized = true
  }

  restore(): void {
    this.minimized = false
  }

  isMaximized(): boolean {
    return this.maximized
  }

  isMinimized(): boolean {
    return this.minimized
  }

  getNormalBounds(): Record<string, number> {
    return { x: 10, y: 20, width: 1000, height: 700 }
  }

  /** As a user closes it. */
  close(): void {
    this.emit('close')
    BrowserWindow.all = BrowserWindow.all.filter((window) => window !== this)
    this.emit('closed')
    if (BrowserWindow.all.length === 0) app.emit('window-all-closed')
  }
}

class App extends EventEmitter {
  isPackaged = true
  sandboxed = false
  first = true
  quits = 0
  exited: number | null = null
  badge = 0
  readonly paths: Record<string, string> = {}

  enableSandbox(): void {
    this.sandboxed = true
  }

  setPath(name: string, path: string): void {
    this.paths[name] = path
  }

  requestSingleInstanceLock(): boolean {
    return this.first
  }

  async whenReady(): Promise<void> {}

  setBadgeCount(count: number): void {
    this.badge = count
  }

  /** Asks everybody, as Electron does; goes when nobody objects. */
  quit(): void {
    let prevented = false
    this.emit('before-quit', {
      preventDefault: () => {
        prevented = true
      },
    })
    if (prevented) return
    this.quits++
    this.emit('quit')
  }

  exit(code: number): void {
    this.exited = code
  }
}
export const app = new App()

class IpcMain extends EventEmitter {
  readonly handlers = new Map<string, (event: unknown, ...args: unknown[]) => unknown>()

  handle(channel: string, handler: (event: unknown, ...args: unknown[]) => unknown): void {
    this.handlers.set(channel, handler)
  }

  removeHandler(channel: string): void {
    this.handlers.delete(channel)
  }

  /** A page's `ipcRenderer.invoke`. */
  async invoke(
    channel: string,
    sender: WebContents,
    senderFrame: Frame | null,
    ...args: unknown[]
  ): Promise<unknown> {
    const handler = this.handlers.get(channel)
    if (!handler) throw new Error(`no handler for ${channel}`)
    return handler({ sender, senderFrame }, ...args)
  }
}
export const ipcMain = new IpcMain()

interface PermissionDetails {
  requestingUrl: string
  isMainFrame: boolean
}

class Session {
  request: (
    contents: unknown,
    permission: string,
    answer: (granted: boolean) => void,
    details: PermissionDetails,
  ) => void = () => {}
  check: (contents: unknown, permission: string, origin: string, details: PermissionDetails) => boolean =
    () => true
  device: () => boolean = () => true
  display: (request: unknown, answer: (streams: object) => void) => void = () => {}
  before: (details: { url: string }, answer: (result: { cancel: boolean }) => void) => void = () => {}
  readonly webRequest = {
    onBeforeRequest: (listener: Session['before']) => {
      this.before = listener
    },
  }

  setPermissionRequestHandler(handler: Session['request']): void {
    this.request = handler
  }

  setPermissionCheckHandler(handler: Session['check']): void {
    this.check = handler
  }

  setDevicePermissionHandler(handler: Session['device']): void {
    this.device = handler
  }

  setDisplayMediaRequestHandler(handler: Session['display']): void {
    this.display = handler
  }
}
export const session = { defaultSession: new Session() }

export const protocol = {
  schemes: [] as { scheme: string; privileges: Record<string, boolean> }[],
  handlers: new Map<string, (request: Request) => Promise<Response>>(),
  registerSchemesAsPrivileged(schemes: { scheme: string; privileges: Record<string, boolean> }[]): void {
    this.schemes = schemes
  },
  handle(scheme: string, handler: (request: Request) => Promise<Response>): void {
    this.handlers.set(scheme, handler)
  },
}

export const dialog = {
  /** What was asked, and what the user will answer (the index of a button), in order. */
  asked: [] as { message: string; detail?: string; buttons: string[] }[],
  answers: [] as number[],
  errors: [] as string[],
  folder: { canceled: true, filePaths: [] as string[] },
  async showMessageBox(...args: unknown[]): Promise<{ response: number }> {
    const options = args.at(-1) as { message: string; detail?: string; buttons: string[] }
    this.asked.push(options)
    return { response: this.answers.shift() ?? 0 }
  },
  async showOpenDialog(): Promise<{ canceled: boolean; filePaths: string[] }> {
    return this.folder
  },
  showErrorBox(title: string, text: string): void {
    this.errors.push(`${title}: ${text}`)
  },
}

export const shell = {
  opened: [] as string[],
  shown: [] as string[],
  paths: [] as string[],
  async openExternal(url: string): Promise<void> {
    this.opened.push(url)
  },
  showItemInFolder(path: string): void {
    this.shown.push(path)
  },
  async openPath(path: string): Promise<string> {
    this.paths.push(path)
    return ''
  },
}

/** The operating system's keychain: what it encrypts can be told from plain text, and only this double decrypts it. */
export const safeStorage = {
  backend: 'gnome_libsecret',
  works: true,
  rotated: false,
  getSelectedStorageBackend(): string {
    return this.backend
  },
  async isAsyncEncryptionAvailable(): Promise<boolean> {
    return this.works
  },
  async encryptStringAsync(plain: string): Promise<Buffer> {
    return Buffer.from([...`v1:${plain}`].reverse().join(''))
  },
  async decryptStringAsync(encrypted: Buffer): Promise<{ result: string; shouldReEncrypt: boolean }> {
    const text = [...encrypted.toString()].reverse().join('')
    if (!text.startsWith('v1:')) throw new Error('this is not of this keychain')
    return { result: text.slice(3), shouldReEncrypt: this.rotated }
  },
}

type Template = { role?: string; label?: string; submenu?: { role?: string }[] }[]

export const Menu = {
  template: [] as Template,
  buildFromTemplate: (template: Template) => template,
  setApplicationMenu(template: Template): void {
    this.template = template
  },
}

export const screen = {
  getAllDisplays: () => [{ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }],
}

/** A utility process whose program is a function of the test, in this very process. */
export class UtilityProcess extends EventEmitter {
  readonly parentPort: EventEmitter & { postMessage(message: unknown): void }
  killed = false

  constructor() {
    super()
    this.parentPort = Object.assign(new EventEmitter(), {
      // Structured clone and a turn of the loop, as between processes.
      postMessage: (message: unknown) => {
        const copy: unknown = structuredClone(message)
        setImmediate(() => this.emit('message', copy))
      },
    })
  }

  postMessage(message: unknown, ports: MessagePortMain[] = []): void {
    const data: unknown = structuredClone(message)
    setImmediate(() => this.parentPort.emit('message', { data, ports }))
  }

  /** As the process dies. */
  die(code: number): void {
    setImmediate(() => this.emit('exit', code))
  }

  kill(): boolean {
    this.killed = true
    this.die(143)
    return true
  }
}

interface Fork {
  path: string
  args: string[]
  options: { env: Record<string, string>; serviceName: string }
  child: UtilityProcess
}
export const utilityProcess = {
  forks: [] as Fork[],
  /** What a forked process does. */
  program: (_child: UtilityProcess, _args: string[]): void => {},
  fork(path: string, args: string[], options: Fork['options']): UtilityProcess {
    const child = new UtilityProcess()
    this.forks.push({ path, args, options, child })
    setImmediate(() => this.program(child, args))
    return child
  },
}

// The preload's side.

export const contextBridge = {
  exposed: {} as Record<string, Record<string, (...args: never[]) => unknown>>,
  exposeInMainWorld(name: string, api: Record<string, (...args: never[]) => unknown>): void {
    this.exposed[name] = api
  },
}

class IpcRenderer extends EventEmitter {
  readonly sent: string[] = []
  readonly invoked: unknown[][] = []
  onSend: (channel: string) => void = () => {}

  send(channel: string): void {
    this.sent.push(channel)
    this.onSend(channel)
  }

  async invoke(...args: unknown[]): Promise<unknown> {
    this.invoked.push(args)
    return null
  }
}
export const ipcRenderer = new IpcRenderer()

export const webUtils = { getPathForFile: (file: { name: string }) => `/dropped/${file.name}` }

/** A fresh Electron for the next test. */
export function resetElectron(): void {
  app.removeAllListeners()
  Object.assign(app, { isPackaged: true, sandboxed: false, first: true, quits: 0, exited: null, badge: 0 })
  ipcMain.removeAllListeners()
  ipcMain.handlers.clear()
  ipcRenderer.removeAllListeners()
  ipcRenderer.sent.length = 0
  ipcRenderer.invoked.length = 0
  session.defaultSession = new Session()
  protocol.schemes = []
  protocol.handlers.clear()
  dialog.asked = []
  dialog.answers = []
  dialog.errors = []
  dialog.folder = { canceled: true, filePaths: [] }
  shell.opened = []
  shell.shown = []
  shell.paths = []
  BrowserWindow.all = []
  Object.assign(safeStorage, { backend: 'gnome_libsecret', works: true, rotated: false })
  utilityProcess.forks = []
  utilityProcess.program = () => {}
  contextBridge.exposed = {}
}
