import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from '@playwright/test'
import { connect } from '../../src/main/cli/connect.ts'
import type { CoreClient } from '../../src/shared/contract/client.ts'
import { plainGitEnv } from '../lib/big-repo.ts'
import { exec, until } from '../lib/measure.ts'
import { endProcessesNaming, processesNaming, terminalProcesses } from '../lib/processes.ts'
import type { Context } from '../lib/types.ts'

/** As the browser specs do: in a container there is no sandbox and no GPU, and what Chromium asks of the network only costs time. */
const CHROMIUM_ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Two browsers are looked at side by side: neither may be slowed for being behind the other.
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
]
const SIZE = { width: 1440, height: 900 }

export interface FiredTask {
  taskId: string
  title: string
  attempts: readonly { id: string; n: number; worktree: string }[]
}

/** The built product: its web host, its pty-host, real attempts of the shell agent in real worktrees. */
export class ControlRoom {
  readonly client: CoreClient
  readonly url: string
  readonly token: string
  readonly webPid: number
  readonly dataDir: string
  readonly repo: string
  #repoId = ''

  private constructor(
    folder: string,
    ready: { url: string; token: string; pid: number },
    client: CoreClient,
  ) {
    this.dataDir = join(folder, 'data')
    this.repo = join(folder, 'repo')
    this.url = ready.url
    this.token = ready.token
    this.webPid = ready.pid
    this.client = client
  }

  static async start(context: Context, name: string): Promise<ControlRoom> {
    const folder = join(context.dir, name)
    const home = join(folder, 'home')
    await mkdir(home, { recursive: true })
    await writeFile(join(home, '.gitconfig'), '[user]\n\tname = Ada\n\temail = ada@example.org\n')
    const dataDir = join(folder, 'data')
    const env: NodeJS.ProcessEnv = {
      PATH: process.env.PATH,
      HOME: home,
      USER: 'bench',
      SHELL: '/bin/sh',
      LANG: 'C.UTF-8',
      TMPDIR: folder,
      XDG_CONFIG_HOME: join(home, '.config'),
      QUARTET_DATA_DIR: dataDir,
    }
    const webEntry = join(context.tools.app, 'out', 'main', 'web.js')
    const child: ChildProcess = spawn(context.tools.node, [webEntry, '--json', '--data-dir', dataDir], {
      cwd: folder,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    context.defer(() => endProcessesNaming(dataDir))
    const line = await new Promise<string>((resolve, reject) => {
      child.stdout?.once('data', (data) => resolve(String(data)))
      child.once('exit', (code) => reject(new Error(`the web host ended with ${code}`)))
    })
    const ready: { url: string; token: string; pid: number } = JSON.parse(line)
    const { client, close } = await connect({ dataDir, webEntry, node: context.tools.node, env })
    context.defer(close)
    const room = new ControlRoom(folder, ready, client)
    // Room for all agents at once, and none of them is called stalled for being quiet.
    await client.system.saveSettings({ slots: 40, stallMinutes: 0, notifications: false, reviews: false })
    await room.#makeRepository(folder)
    return room
  }

  async #makeRepository(folder: string): Promise<void> {
    const env = plainGitEnv(folder)
    await mkdir(join(this.repo, 'src'), { recursive: true })
    await exec('git', ['init', '-q', '-b', 'main', this.repo], { env })
    for (let i = 0; i < 400; i++)
      await writeFile(join(this.repo, 'src', `file-${i}.ts`), `export const value${i} = ${i}\n`)
    await exec('git', ['-C', this.repo, 'add', '-A'], { env })
    await exec('git', ['-C', this.repo, 'commit', '-q', '-m', 'First'], { env })
    this.#repoId = (await this.client.repositories.add({ path: this.repo })).id
  }

  /** Fires a task whose attempts run these command lines; resolves when all of them run. */
  async fire(title: string, commands: readonly string[]): Promise<FiredTask> {
    const slots = commands.map((command) => ({
      agent: 'shell',
      command,
      scenario: null,
      model: null,
      hint: null,
    }))
    const { task } = await this.client.tasks.fire({ repoId: this.#repoId, title, brief: title, slots })
    const attempts = await until(`the agents of ${title} run`, async () => {
      const { attempts: all } = await this.client.tasks.get({ id: task.id })
      const begun = all.filter(({ status }) => !['pending', 'preparing', 'starting'].includes(status))
      return begun.length === commands.length ? begun : null
    })
    return {
      taskId: task.id,
      title,
      attempts: attempts
        .map(({ id, n, worktree }) => ({ id, n, worktree: worktree ?? '' }))
        .sort((a, b) => a.n - b.n),
    }
  }

  /** Pids of the detached host and of what draws its screens. */
  terminalProcesses(): Promise<{ host: number; screens: number }> {
    return terminalProcesses(this.dataDir)
  }
}

/** A Chromium of its own, so that its renderer can be told from others. */
export class Browser {
  readonly #context: BrowserContext
  readonly #profile: string

  private constructor(context: BrowserContext, profile: string) {
    this.#context = context
    this.#profile = profile
  }

  static async start(context: Context, name: string): Promise<Browser> {
    if (!context.tools.chromium) throw new Error('There is no Chromium.')
    const profile = join(context.dir, `chromium-${name}`)
    const browser = await chromium.launchPersistentContext(profile, {
      executablePath: context.tools.chromium,
      args: CHROMIUM_ARGS,
      viewport: SIZE,
      colorScheme: 'dark',
    })
    context.defer(() => endProcessesNaming(profile))
    context.defer(() => browser.close())
    return new Browser(browser, profile)
  }

  /** Opens the room in a window that shows `task`, once all its terminals are drawn. */
  async open(room: ControlRoom, task: FiredTask | null): Promise<Page> {
    const page = await this.#context.newPage()
    await page.goto(`${room.url}/#token=${room.token}`)
    if (task) await show(page, task)
    return page
  }

  /** Pids of its renderer processes. */
  async renderers(): Promise<number[]> {
    return (await processesNaming(this.#profile))
      .filter(({ command }) => command.includes('--type=renderer'))
      .map(({ pid }) => pid)
  }
}

/** Goes to a task and waits for all its terminals. */
export async function show(page: Page, task: FiredTask): Promise<void> {
  await page.getByTestId('task-row').filter({ hasText: task.title }).click()
  for (const { n } of task.attempts)
    await page.getByTestId(`tile-terminal-${n}`).locator('.xterm-rows').waitFor({ timeout: 60_000 })
}

/** What a terminal shows, read from its rows (drawn with the DOM where there is no GPU). */
export const textOf = async (page: Page, n: number): Promise<string> =>
  (await page.getByTestId(`tile-terminal-${n}`).locator('.xterm-rows').textContent()) ?? ''

export interface FrameTimes {
  /** Ms between animation frames. */
  intervals: number[]
  /** Tasks longer than 50 ms. */
  longTasks: number
}

/** Watches the animation frames of a page. */
export function watchFrames(page: Page, ms: number): Promise<FrameTimes> {
  return page.evaluate(
    (span) =>
      new Promise<{ intervals: number[]; longTasks: number }>((resolve) => {
        const intervals: number[] = []
        let longTasks = 0
        const observer = new PerformanceObserver((list) => {
          longTasks += list.getEntries().length
        })
        observer.observe({ type: 'longtask' })
        let begin: number | null = null
        let last = 0
        const step = (now: number) => {
          if (begin === null) begin = now
          else intervals.push(now - last)
          last = now
          if (now - begin < span) requestAnimationFrame(step)
          else {
            observer.disconnect()
            resolve({ intervals, longTasks })
          }
        }
        requestAnimationFrame(step)
      }),
    ms,
  )
}
