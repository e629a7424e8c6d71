import { scanProcesses } from './process-scan.ts'
import { findProcess, type ProcessEntry } from './process-table.ts'

export interface TreeRoot {
  pid: number
  startedAt: string
}

export type KillStage = 'hup' | 'term' | 'kill'
const STAGES: readonly KillStage[] = ['hup', 'term', 'kill']

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
  onStage?: (stage: KillStage, processes: number) => void
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
/** Rounds of KILL before a survivor is called one. */
const MIN_KILLS = 20
const SIGNALS: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGTERM', 'SIGKILL']

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
  const stageMs = [options.hupMs ?? HUP_MS, options.termMs ?? TERM_MS]
  /** 0 HUP, 1 TERM, 2 KILL; each gets its time, also where reading the table takes long. */
  let stage = -1
  let stageSince = started
  let empty = 0
  let kills = 0
  for (;;) {
    const tree = await findTree(options.root, options.mark, known)
    for (const entry of tree) known.set(entry.pid, entry.startedAt)
    empty = tree.length === 0 ? empty + 1 : 0
    const elapsed = performance.now() - started
    // Twice: a process that forked and ended while the table was read may have hidden its child once.
    if (empty >= 2) return { signalled: signalled.size, survivors: [] }
    // Never before KILL had its chance: on a machine where each round is slow, late is better than not at all.
    if (
      elapsed > (options.deadlineMs ?? DEADLINE_MS) &&
      (kills >= MIN_KILLS || options.deadlineMs !== undefined)
    ) {
      return { signalled: signalled.size, survivors: tree.map((entry) => entry.pid) }
    }
    const stageIsOver = performance.now() - stageSince >= (stageMs[stage] ?? Number.POSITIVE_INFINITY)
    if (tree.length > 0 && (stage < 0 || stageIsOver)) {
      stage++
      stageSince = performance.now()
      options.onStage?.(STAGES[stage] ?? 'kill', tree.length)
    }
    // Stopped first, so that none can fork while its brothers are killed.
    if (stage === 2) {
      kills++
      for (const entry of tree) await signal(entry, 'SIGSTOP')
    }
    for (const entry of tree) {
      const name = `${entry.pid} ${entry.startedAt}`
      if (stage < 2 && told.get(name) === stage) continue
      told.set(name, stage)
      if (await signal(entry, SIGNALS[stage] ?? 'SIGKILL')) signalled.add(name)
      // A stopped process hears nothing but KILL until it runs again.
      if (stage < 2) await signal(entry, 'SIGCONT')
    }
    await new Promise((resolve) => setTimeout(resolve, stage === 2 && tree.length > 0 ? 5 : POLL_MS))
  }
}

/** The living processes that belong to `root` or carry `mark`; `known` are members of earlier rounds (pid → start). */
export async function findTree(
  root: TreeRoot | null,
  mark: string | null,
  known: ReadonlyMap<number, string> = new Map(),
): Promise<ProcessEntry[]> {
  const table = (await scanProcesses()).filter((entry) => entry.pid !== process.pid && entry.pid > 1)
  const byPid = new Map(table.map((entry) => [entry.pid, entry]))
  const members = new Set<number>()
  for (const entry of table) {
    const isRoot = entry.pid === root?.pid && entry.startedAt === root.startedAt
    const isMarked = mark !== null && entry.mark === mark
    if (isRoot || isMarked || known.get(entry.pid) === entry.startedAt) members.add(entry.pid)
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
