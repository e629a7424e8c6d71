import type { LandPhase, LandRun } from '../../shared/domain/landing.ts'
import type { ForgeKind } from '../../shared/domain/repository.ts'
import type { Tone } from '../ui/Badge.tsx'

export const PHASE_TEXT: Record<LandPhase, string> = {
  queued: 'Wait in the lane',
  gate: 'Undo window and guards',
  integrate: 'Integrate the base',
  verify: 'Verify again',
  push: 'Push',
  pull: 'Pull request',
  checks: 'Checks of the forge',
  merge: 'Merge',
  confirm: 'Confirm on the base',
  cleanup: 'Clean up',
  done: 'Done',
}

const FORGE: readonly LandPhase[] = [
  'queued',
  'gate',
  'integrate',
  'verify',
  'push',
  'pull',
  'checks',
  'merge',
  'confirm',
  'cleanup',
]
/** Git alone needs neither a remote branch nor a pull request. */
const LOCAL: readonly LandPhase[] = FORGE.filter(
  (phase) => phase !== 'push' && phase !== 'pull' && phase !== 'checks',
)

/** The phases that a landing goes through: those of git alone, unless it is in one that only a forge has. */
export function phasesOf(forge: ForgeKind, at: LandPhase): readonly LandPhase[] {
  return forge === 'local' && (LOCAL.includes(at) || at === 'done') ? LOCAL : FORGE
}

/** How a landing stands, as a colour; its words stand beside it. */
export const TONE: Record<LandRun['status'], Tone> = {
  active: 'run',
  waiting: 'warn',
  fixing: 'run',
  paused: 'quiet',
  landed: 'ok',
  failed: 'bad',
  removed: 'quiet',
}

/** One repository and base branch with what lands there, in order. */
export interface Lane {
  key: string
  repoId: string
  baseBranch: string
  runs: LandRun[]
}

/** The lanes that have something in them; `repoId` null takes those of every repository. */
export function lanesOf(runs: Readonly<Record<string, LandRun>>, repoId: string | null): Lane[] {
  const lanes = new Map<string, Lane>()
  for (const run of Object.values(runs)) {
    if (run.endedAt !== null || (repoId !== null && run.repoId !== repoId)) continue
    const key = `${run.repoId} ${run.baseBranch}`
    const lane = lanes.get(key) ?? { key, repoId: run.repoId, baseBranch: run.baseBranch, runs: [] }
    lane.runs.push(run)
    lanes.set(key, lane)
  }
  for (const lane of lanes.values())
    lane.runs.sort((a, b) => a.rank - b.rank || a.startedAt - b.startedAt || (a.id < b.id ? -1 : 1))
  return [...lanes.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

/**
 * Before which run of its lane `id` has to be put to go one place up (-1) or down (1): null is the end of the lane,
 * undefined means that it cannot go there.
 */
export function placeBefore(lane: Lane, id: string, by: -1 | 1): string | null | undefined {
  const at = lane.runs.findIndex((run) => run.id === id)
  const to = at + by
  if (at < 0 || to < 0 || to >= lane.runs.length) return undefined
  return lane.runs[by < 0 ? to : to + 1]?.id ?? null
}

/** Once a landing is being merged nothing takes it out, unless it stands still. */
const TOO_LATE: ReadonlySet<LandPhase> = new Set<LandPhase>(['merge', 'confirm', 'cleanup', 'done'])

export const canPause = (run: LandRun): boolean => run.status === 'active' || run.status === 'waiting'

export function canTakeOut(run: LandRun): boolean {
  if (run.status === 'waiting' || run.status === 'paused') return true
  return (run.status === 'active' || run.status === 'fixing') && !TOO_LATE.has(run.phase)
}
