import { readFile } from 'node:fs/promises'
import { findProcess, listProcesses, type ProcessEntry } from './process-table.ts'

/** Every program that we start for a terminal carries `QUARTET_SESSION=<mark>`, and so does whatever it starts. */
export const SESSION_MARK = 'QUARTET_SESSION'

export interface TreeRoot {
  pid: number
  startedAt: string
}

export interface KillOptions {
  /** The first process; null when it is not known any more. */
  root: TreeRoot | null
  /** Value of the environment mark; null looks at kinship only. */
  mark: string | null
  /** Time for HUP and for TERM to work before the next stage, ms. */
  hupMs?: number
  termMs?: number
  /** All in all, ms. */
  deadlineMs?: number
  /** Hears each stage as it begins, for a screen that shows it. */
  onStage?: (stage: 'hup' | 'term' | 'kill', processes: number) => void
}

export interface KillOutcome {
  signalled: number
  survivors: number[]
}

const HUP_MS = 1_000
const TERM_MS = 1_000
/** QUALITY.md F10: nothing survives longer than five seconds. */
const DEADLINE_MS = 4_900
const POLL_MS = 40

/**
 * Ends a program and everything that it started: HUP, then TERM, then KILL, the table read anew each round until it is
 * empty twice in a row. Found are: children of members, members of their sessions and groups, and (Linux) whoever carries
 * the mark. Only a pid whose start time was seen in the same round is signalled, so a recycled one is never touched.
 * Not found: a process that cleared its environment, left its session and lost its parent before the first look.
 */
export async function killTree(options: KillOptions): Promise<KillOutcome> {
  const started = performance.now()
  const known = new Map<number, string>()
  const told = new Map<string, number>()
  const signalled = new Set<string>()
  const termAt = options.hupMs ?? HUP_MS
  const killAt = termAt + (options.termMs ?? TERM_MS)
  let stage = -1
  let empty = 0
  for (;;) {
    const tree = await findTree(options.root, options.mark, known)
    for (const entry of tree) known.set(entry.pid, entry.startedAt)
    empty = tree.length === 0 ? empty + 1 : 0
    const elapsed = performance.now() - started
    // Twice: a process that forked and ended while the table was read may have hidden its child once.
    if (empty >= 2) return { signalled: signalled.size, survivors: [] }
    if (elapsed > (options.deadlineMs ?? DEADLINE_MS)) {
      return { signalled: signalled.size, survivors: tree.map((entry) => entry.pid) }
    }
    const now = elapsed < termAt ? 0 : elapsed < killAt ? 1 : 2
    if (now !== stage && tree.length > 0) {
      stage = now
      options.onStage?.((['hup', 'term', 'kill'] as const)[now]!, tree.length)
    }
    // Stopped first, so that none can fork while its brothers are killed.
    if (now === 2) for (const entry of tree) await signal(entry, 'SIGSTOP')
    for (const entry of tree) {
      const name = `${entry.pid} ${entry.startedAt}`
      if (now < 2 && told.get(name) === now) continue
      told.set(name, now)
      if (await signal(entry, (['SIGHUP', 'SIGTERM', 'SIGKILL'] as const)[now]!)) signalled.add(name)
      // A stopped process hears nothing but KILL until it runs again.
      if (now < 2) await signal(entry, 'SIGCONT')
    }
    await new Promise((resolve) => setTimeout(resolve, now === 2 && tree.length > 0 ? 5 : POLL_MS))
  }
}

/** The living processes that belong to `root` or carry `mark`; `known` are members of earlier rounds (pid → start). */
export async function findTree(
  root: TreeRoot | null,
  mark: string | null,
  known: ReadonlyMap<number, string> = new Map(),
): Promise<ProcessEntry[]> {
  const table = (await listProcesses()).filter((entry) => entry.pid !== process.pid && entry.pid > 1)
  const byPid = new Map(table.map((entry) => [entry.pid, entry]))
  const members = new Set<number>()
  for (const entry of table) {
    const isRoot = entry.pid === root?.pid && entry.startedAt === root.startedAt
    if (isRoot || known.get(entry.pid) === entry.startedAt) members.add(entry.pid)
  }
  if (mark !== null && process.platform === 'linux') {
    const marked = await Promise.all(
      table.map(async (entry) => members.has(entry.pid) || (await carries(entry.pid, mark))),
    )
    table.forEach((entry, i) => {
      if (marked[i]) members.add(entry.pid)
    })
  }
  // Groups and sessions that a member leads or led. The number of an ended leader is not given out again while its
  // group has members; one that names a stranger by now is left alone.
  const led = new Map(known)
  if (root) led.set(root.pid, root.startedAt)
  for (const pid of members) led.set(pid, byPid.get(pid)?.startedAt ?? '')
  const isOurs = (group: number) =>
    led.has(group) && (byPid.get(group)?.startedAt ?? led.get(group)) === led.get(group)
  for (let grew = true; grew; ) {
    grew = false
    for (const entry of table) {
      if (members.has(entry.pid) || entry.pid === process.ppid) continue
      if (!members.has(entry.ppid) && !isOurs(entry.sid) && !isOurs(entry.pgid)) continue
      members.add(entry.pid)
      led.set(entry.pid, entry.startedAt)
      grew = true
    }
  }
  return table.filter((entry) => members.has(entry.pid))
}

async function carries(pid: number, mark: string): Promise<boolean> {
  try {
    const environment = await readFile(`/proc/${pid}/environ`)
    const needle = Buffer.from(`${SESSION_MARK}=${mark}\0`)
    const at = environment.indexOf(needle)
    return at === 0 || (at > 0 && environment[at - 1] === 0)
  } catch {
    // Another user's process, or one that has just ended: neither is ours to end.
    return false
  }
}

/** Signals exactly the process that was listed; false when it has ended or its pid belongs to another one by now. */
async function signal(entry: ProcessEntry, name: NodeJS.Signals): Promise<boolean> {
  if ((await findProcess(entry.pid))?.startedAt !== entry.startedAt) return false
  try {
    process.kill(entry.pid, name)
    return true
  } catch {
    return false
  }
}
