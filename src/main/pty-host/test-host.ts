import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { systemClock } from '../kernel/clock.ts'
import { readLock } from '../kernel/lock-file.ts'
import { silentLogger } from '../kernel/logger.ts'
import { isAlive } from '../kernel/process-table.ts'
import { openConnection } from '../pty-protocol/connection.ts'
import { descriptorPath, prepareHostDir, sharedSecret } from '../pty-protocol/host-place.ts'
import { PROTOCOL_VERSION } from '../pty-protocol/messages.ts'
import type {
  PtyAttachment,
  PtyExit,
  PtyHost,
  PtyScreen,
  PtySink,
  PtySpec,
} from '../pty-protocol/pty-host.ts'
import { SocketPtyHost } from '../pty-protocol/socket-pty-host.ts'
import { createLocalPtyHost } from './local-pty-host.ts'
import { Screens } from './screens.ts'

/** Helpers of the tests in this folder: real hosts, real programs, temporary folders. */

export const TEST_ENV = { PATH: process.env.PATH ?? '/usr/bin:/bin', HOME: tmpdir(), LANG: 'C.UTF-8' }

export async function tempDir(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'quartet-pty-'))
}

export interface TestHost {
  host: PtyHost
  dir: string
  stop(): Promise<void>
}

export interface DetachedTestHost extends TestHost {
  pid: number
  /** Its socket. */
  path: string
  /** Another client of it, over `path`, which may be that of a proxy. */
  open(path: string): Promise<SocketPtyHost>
}

export function testScreens(stuckMs?: number): Screens {
  const entry = resolve(import.meta.dirname, '../screens/entry.ts')
  return new Screens({ entry, log: silentLogger, clock: systemClock, stuckMs })
}

export async function startLocalHost(): Promise<TestHost> {
  const dir = await tempDir()
  const host = createLocalPtyHost({ clock: systemClock, log: silentLogger, screens: testScreens() })
  return {
    host,
    dir,
    async stop() {
      await host.killAll()
      host.dispose()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

export async function startDetachedHost(version = PROTOCOL_VERSION): Promise<DetachedTestHost> {
  const dir = await tempDir()
  await prepareHostDir(dir)
  const entry = resolve(import.meta.dirname, 'entry.ts')
  const args = [entry, '--data-dir', dir, '--idle-ms', '500', '--protocol', String(version)]
  spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref()
  const holder = await until(async () => {
    const found = await readLock(descriptorPath(dir, version))
    return found?.url ? { ...found, url: found.url } : null
  })
  const secret = await sharedSecret(dir)
  const open = (path: string) =>
    SocketPtyHost.open({
      log: silentLogger,
      connect: (makeEvents) => openConnection(path, secret, PROTOCOL_VERSION, makeEvents),
      isAlive: () => isAlive(holder.pid, holder.startedAt),
    })
  const host = await open(holder.url)
  return {
    host,
    dir,
    pid: holder.pid,
    path: holder.url,
    open,
    async stop() {
      if (await isAlive(holder.pid, holder.startedAt)) {
        // Ends its programs first.
        process.kill(holder.pid, 'SIGTERM')
        await until(async () => !(await isAlive(holder.pid, holder.startedAt)))
      }
      host.dispose()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** What `look` gives once it is neither null nor false; throws after `ms`. */
export async function until<T>(
  look: () => Promise<T | null | false> | T | null | false,
  ms = 20_000,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${ms} ms for ${look.toString()}`)
    await new Promise((done) => setTimeout(done, 10))
  }
}

let count = 0
export function specOf(dir: string, file: string, args: string[], more: Partial<PtySpec> = {}): PtySpec {
  const id = more.id ?? `t${process.pid}-${++count}`
  return {
    id,
    epoch: 1,
    file,
    args,
    cwd: dir,
    env: TEST_ENV,
    cols: 80,
    rows: 24,
    logPath: join(dir, `${id}.log`),
    ...more,
  }
}

/**
 * A program that writes `bytes` random bytes unchanged to its terminal (raw mode) and leaves their SHA-256 in `sumFile`;
 * then whatever `after` says in shell.
 */
export function recorder(bytes: number, sumFile: string, after = ''): string[] {
  const script = `
    const crypto = require('node:crypto'), fs = require('node:fs'), hash = crypto.createHash('sha256')
    for (let left = ${bytes}; left > 0; ) {
      const block = crypto.randomBytes(Math.min(left, 65536))
      hash.update(block)
      for (let at = 0; at < block.length; ) at += fs.writeSync(1, block, at)
      left -= block.length
    }
    fs.writeFileSync(process.argv[1], hash.digest('hex'))`
  return ['-c', `stty raw -echo; "$0" -e "$1" "$2"; ${after}`, process.execPath, script, sumFile]
}

export async function sumOfLog(logPath: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(logPath))
    .digest('hex')
}

/** A reader that keeps what it hears and, unless frozen, grants what it got. */
export class TestReader implements PtySink {
  readonly screens: PtyScreen[] = []
  readonly sizes: string[] = []
  /** Bytes since the last snapshot; resumes go on where they were. */
  chunks: { offset: number; bytes: Uint8Array }[] = []
  total = 0
  end: PtyExit | null = null
  failure: Error | null = null
  frozen = false
  /** Gaps and repeats of all readers of this process; none is right. */
  static readonly faults: string[] = []
  readonly #attachment: PtyAttachment

  constructor(
    host: Pick<PtyHost, 'attach'>,
    id: string,
    from: { epoch: number; offset: number } | null = null,
    window = 256 * 1024,
  ) {
    this.#attachment = host.attach(id, from, this)
    this.#attachment.grant(window)
  }

  /** The last snapshot, as the escapes that it is, and what came after. */
  get text(): string {
    const snapshot = this.screens.findLast((screen) => screen.mode === 'snapshot')?.data ?? new Uint8Array(0)
    return Buffer.concat([snapshot, ...this.chunks.map((chunk) => chunk.bytes)]).toString('utf8')
  }

  /** Place after the last byte that was heard. */
  get at(): number {
    const last = this.chunks.at(-1)
    return last ? last.offset + last.bytes.length : (this.screens.at(-1)?.offset ?? 0)
  }

  grant(bytes: number): void {
    this.#attachment.grant(bytes)
  }

  close(): void {
    this.#attachment.close()
  }

  screen(screen: PtyScreen): void {
    if (screen.mode === 'resume' && this.screens.length > 0 && screen.offset !== this.at)
      TestReader.faults.push(`went on at ${screen.offset} after ${this.at}`)
    this.screens.push(screen)
    if (screen.mode === 'snapshot') this.chunks = []
    if (!this.frozen) this.grant(screen.data.length)
  }

  output(offset: number, bytes: Uint8Array): void {
    // Thrown into the connection it would break it, and the next one would hide it.
    if (offset !== this.at) TestReader.faults.push(`${offset} after ${this.at}`)
    this.chunks.push({ offset, bytes: Buffer.from(bytes) })
    this.total += bytes.length
    if (!this.frozen) this.grant(bytes.length)
  }

  resized(cols: number, rows: number): void {
    this.sizes.push(`${cols}x${rows}@${this.at}`)
  }

  exited(exit: PtyExit): void {
    this.end = exit
  }

  failed(error: Error): void {
    this.failure = error
  }
}
