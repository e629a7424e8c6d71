import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../lib/measure.ts'
import { signalAll } from '../lib/processes.ts'
import type { Context } from '../lib/types.ts'

/** Agents at work, as `load.c` plays them: many at once, switched on and off by signals. */
export class Loads {
  readonly #folder: string
  readonly #load: string
  #pids: number[] = []

  private constructor(folder: string, load: string) {
    this.#folder = folder
    this.#load = load
  }

  static async prepare(context: Context, name: string): Promise<Loads> {
    if (!context.tools.load) throw new Error('There is no C compiler.')
    const folder = join(context.dir, name)
    await mkdir(folder, { recursive: true })
    return new Loads(folder, context.tools.load)
  }

  /** Command line of one that paints like an agent. */
  paint(bytesPerSecond: number, hz = 20): string {
    return `exec ${this.#load} paint ${bytesPerSecond} ${hz} ${this.#folder}`
  }

  /** Command line of one that writes a file over and over. */
  flood(file: string): string {
    return `stty raw -echo; exec ${this.#load} flood ${file} ${this.#folder}`
  }

  /** Waits until `count` of them have started. */
  async ready(count: number): Promise<void> {
    this.#pids = await until(`${count} loads run`, async () => {
      const pids = (await readdir(this.#folder)).map(Number)
      return pids.length >= count ? pids : null
    })
  }

  get pids(): readonly number[] {
    return this.#pids
  }

  on(): void {
    signalAll(this.#pids, 'SIGUSR1')
  }

  off(): void {
    signalAll(this.#pids, 'SIGUSR2')
  }
}
