import { readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Scope } from '../../kernel/disposable.ts'
import { mintId } from '../../kernel/ids.ts'
import type { HookMessage } from '../agents/hook-listener.ts'
import type { Ledger } from '../db/ledger.ts'

const Line = z.object({ id: z.string(), at: z.number(), payload: z.unknown() })

export interface MissedReportsDeps {
  ledger: Ledger
  scope: Scope
  /** `<dataDir>/run/attempts`. */
  runRoot: string
  onMessage: (message: HookMessage) => void
}

const SWEEP_MS = 3_000

/**
 * Brings in what the hook program left behind because nobody took it in time: the core was away or starting, or the machine
 * so busy that a connection took too long. Without this an agent that ends its turn at that moment would seem to work for ever.
 */
export class MissedReports {
  readonly #deps: MissedReportsDeps

  constructor(deps: MissedReportsDeps) {
    this.#deps = deps
  }

  /** Looks again and again from now on; boot has brought in what was there. */
  begin(): void {
    this.#deps.scope.every('missed reports', SWEEP_MS, async () => {
      const live = "terminalId IN (SELECT id FROM terminals WHERE state = 'live')"
      for (const { id } of this.#deps.ledger.select('attempts', live)) await this.bringIn(id)
    })
  }

  /** Handles what was left behind for one attempt, in its order. */
  async bringIn(attemptId: string): Promise<void> {
    const dir = join(this.#deps.runRoot, attemptId)
    const file = join(dir, 'missed.jsonl')
    if (!(await exists(file))) return
    // Taken away first: a hook that runs now begins a new file.
    const mine = join(dir, `${mintId('missed')}.jsonl`)
    await rename(file, mine)
    for (const text of (await readFile(mine, 'utf8')).split('\n')) {
      const line = Line.safeParse(parsed(text))
      if (line.success) this.#deps.onMessage({ attemptId, ...line.data })
    }
    await rm(mine, { force: true })
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      throw error
    },
  )

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The end of the file, or a line that a full disk cut off.
    return null
  }
}
