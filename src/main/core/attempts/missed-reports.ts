import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { HookMessage } from '../agents/hook-listener.ts'
import type { Ledger } from '../db/ledger.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'

export interface MissedReportsDeps {
  ledger: Ledger
  terminals: Pick<TerminalRegistry, 'onEvent'>
  clock: Clock
  log: Logger
  scope: Scope
  /** One private folder per attempt in it; the hook program writes beside its descriptor. */
  runRoot: string
  onMessage: (message: HookMessage) => void
}

const SWEEP_MS = 3_000
/** The hook program stops at half of this; whatever is larger was written by somebody else. */
const MAX_BYTES = 1024 * 1024

const Line = z.object({ at: z.number().int().nonnegative(), payload: z.unknown() })

/**
 * Brings in what the hook program left behind because nobody took it in time: the core was away, or so busy that its answer
 * took too long. Without this an agent that ends its turn at such a moment would seem to work for ever. The files lie where
 * agents can write, so that nothing in them is trusted: not their kind, not their size, not a line.
 */
export class MissedReports {
  readonly #deps: MissedReportsDeps
  readonly #touched = new Set<string>()
  #wake: () => void = () => {}

  constructor(deps: MissedReportsDeps) {
    this.#deps = { ...deps, log: deps.log.child('missed reports') }
  }

  /** Looks from now on wherever an agent does something, which its terminal or a report of it shows: one at rest reports nothing. */
  begin(): void {
    const { ledger, scope, terminals } = this.#deps
    let before = new Set<string>()
    this.#wake = scope.whileBusy('missed reports', SWEEP_MS, () => {
      // Once more after the last sign: the report of what was drawn may come a moment later.
      for (const id of new Set([...before, ...this.#touched]))
        scope.run(`missed reports of ${id}`, () => this.bringIn(id))
      before = new Set(this.#touched)
      this.#touched.clear()
      return before.size > 0
    })
    scope.own(
      terminals.onEvent((event) => {
        const attemptId = event.type === 'activity' ? ledger.get('terminals', event.id)?.attemptId : null
        if (attemptId) this.touch(attemptId)
      }),
    )
  }

  /** The attempt's agent does something. */
  touch(attemptId: string): void {
    this.#touched.add(attemptId)
    this.#wake()
  }

  /** Handles what was left behind for one attempt, in its order. Never throws: what cannot be read is logged and removed. */
  async bringIn(attemptId: string): Promise<void> {
    const dir = join(this.#deps.runRoot, attemptId)
    const taken = join(dir, 'missed-taken.jsonl')
    try {
      // Of a core that died in the middle of it.
      await this.#handle(attemptId, taken)
      // Taken away first: a hook that runs now begins a new file.
      if ((await unlessMissing(rename(join(dir, 'missed.jsonl'), taken))) !== null)
        await this.#handle(attemptId, taken)
    } catch (error) {
      this.#deps.log.warn('reports that were left behind could not be read', { attemptId, error })
      await rm(taken, { recursive: true, force: true })
    }
  }

  async #handle(attemptId: string, file: string): Promise<void> {
    const { clock, log, onMessage } = this.#deps
    const text = await readOwn(file)
    if (text === null) return
    let unknown = 0
    for (const part of text.split('\n')) {
      if (part === '') continue
      const line = Line.safeParse(parsed(part))
      if (!line.success) unknown++
      else onMessage({ attemptId, at: Math.min(line.data.at, clock.now()), payload: line.data.payload })
    }
    if (unknown > 0) log.warn('reports that were left behind were not understood', { attemptId, unknown })
    await rm(file)
  }
}

/** The text of a regular file of bounded size; null when there is none. Throws for anything else, a pipe or a link among it. */
async function readOwn(file: string): Promise<string | null> {
  // Without O_NONBLOCK opening a pipe would wait for its writer.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const handle = await unlessMissing(open(file, flags))
  if (!handle) return null
  try {
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size > MAX_BYTES)
      throw new Error(`not a file of ours (mode ${stat.mode.toString(8)}, ${stat.size} bytes)`)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(stat.size), 0, stat.size, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Null when there is no such file. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A line that a full disk or an end of the machine cut off.
    return null
  }
}
