import { setTimeout as pause } from 'node:timers/promises'
import { listProcesses, type ProcessEntry } from '../../kernel/process-table.ts'

/** From SIGTERM to SIGKILL. */
const GRACE_MS = 1_000
/** A process that survives SIGKILL for this long is stuck in the kernel; waiting on would not help. */
const GIVE_UP_MS = 5_000
const POLL_MS = 25

const nameOf = (entry: ProcessEntry) => `${entry.pid}:${entry.startedAt}`

/**
 * Ends `root` (a child of ours) and everything below it: SIGTERM, then SIGKILL, listed anew in each round because a dying
 * parent leaves its children to init. A process counts by pid and start time, so a recycled pid is never signalled.
 * Gives true when all are gone.
 */
export async function endProcessTree(root: number): Promise<boolean> {
  const started = performance.now()
  const victims = new Set<string>()
  for (let round = 0; ; round++) {
    const table = await listProcesses()
    const alive: ProcessEntry[] = []
    // Parents may be listed after their children: repeat until no new descendant appears.
    const found = new Set<number>()
    for (let grew = true; grew; ) {
      grew = false
      for (const entry of table) {
        const isRoot = round === 0 && entry.pid === root && entry.ppid === process.pid
        const ours = isRoot || found.has(entry.ppid) || victims.has(nameOf(entry))
        if (ours && !alive.includes(entry)) {
          alive.push(entry)
          found.add(entry.pid)
          victims.add(nameOf(entry))
          grew = true
        }
      }
    }
    if (alive.length === 0) return true
    const elapsed = performance.now() - started
    if (elapsed > GIVE_UP_MS) return false
    for (const entry of alive) {
      try {
        process.kill(entry.pid, elapsed < GRACE_MS ? 'SIGTERM' : 'SIGKILL')
      } catch {
        // It has just ended by itself.
      }
    }
    await pause(POLL_MS)
  }
}
