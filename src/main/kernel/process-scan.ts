import { readdirSync, readFileSync } from 'node:fs'
import { listProcesses, type ProcessEntry, parseStat } from './process-table.ts'

/** Every program that we start for a terminal carries `QUARTET_SESSION=<mark>`, and so does whatever it starts. */
export const SESSION_MARK = 'QUARTET_SESSION'

/** Read between two breaths of the event loop: under a millisecond. */
const SLICE = 48

export interface MarkedProcess extends ProcessEntry {
  /** Value of the session mark; null without one, and where environments cannot be read (not Linux, another user's). */
  mark: string | null
}

let running: Promise<MarkedProcess[]> | null = null
let next: Promise<MarkedProcess[]> | null = null

/**
 * The process table with marks, read after this call began. Calls at the same time share one reading: ending sixteen
 * terminals at once would otherwise read thousands of files a round and miss its own deadline.
 */
export function scanProcesses(): Promise<MarkedProcess[]> {
  if (!running) {
    running = read().finally(() => {
      running = null
    })
    return running
  }
  // The one under way may have passed what the caller wants to see already.
  next ??= running
    .catch(() => [])
    .then(() => {
      next = null
      return scanProcesses()
    })
  return next
}

async function read(): Promise<MarkedProcess[]> {
  // Behind the current turn, so that all who ask in it share this reading.
  await new Promise((resolve) => setImmediate(resolve))
  if (process.platform !== 'linux') return (await listProcesses()).map((entry) => ({ ...entry, mark: null }))
  const found: MarkedProcess[] = []
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  for (let at = 0; at < pids.length; at += SLICE) {
    for (const pid of pids.slice(at, at + SLICE)) {
      // Synchronous: these files are memory, and four trips to the thread pool cost ten times the reading.
      const stat = readText(`/proc/${pid}/stat`)
      const entry = stat === null ? null : parseStat(stat)
      if (entry && entry.state !== 'Z')
        found.push({ ...entry, mark: markOf(readText(`/proc/${pid}/environ`)) })
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return found
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Ended meanwhile, or not ours to look at.
    return null
  }
}

function markOf(environment: string | null): string | null {
  const found = environment?.split('\0').find((pair) => pair.startsWith(`${SESSION_MARK}=`))
  return found?.slice(SESSION_MARK.length + 1) ?? null
}
