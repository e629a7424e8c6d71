import { z } from 'zod'

export const TaskStatus = z.enum([
  'draft',
  'queued',
  'working',
  'deciding',
  'landing',
  'landed',
  'rework',
  'abandoned',
])
export type TaskStatus = z.infer<typeof TaskStatus>

/** What one slot of a round starts: an agent and what is particular to this slot. */
export const Slot = z.object({
  /** Name of a driver: `codex`, `claude`, `rehearsal`, `shell`, or a custom agent's. */
  agent: z.string().min(1).max(60),
  /** The `shell` agent's command line; `{prompt_file}` stands for the path of the brief. */
  command: z.string().max(10_000).nullable().default(null),
  /** The rehearsal's scenario. */
  scenario: z.string().max(60).nullable().default(null),
  model: z.string().max(120).nullable().default(null),
  /** Added to the brief of this slot only: a different approach per slot. */
  hint: z.string().max(4_000).nullable().default(null),
})
export type Slot = z.infer<typeof Slot>

/** One piece of work. */
export const Task = z.object({
  id: z.string(),
  repoId: z.string(),
  title: z.string(),
  /** Markdown. */
  brief: z.string(),
  status: TaskStatus,
  /** Why it is in this status, as one sentence; null when the status says it all. */
  reason: z.string().nullable(),
  /** Number of the current round; 0 before the first firing. */
  round: z.number().int(),
  baseBranch: z.string(),
  /** The commit that every attempt of the current round starts from. */
  baseSha: z.string().nullable(),
  winnerAttemptId: z.string().nullable(),
  landedSha: z.string().nullable(),
  rev: z.number().int(),
  createdAt: z.number().int(),
  /** When the status last changed. */
  statusAt: z.number().int(),
  closedAt: z.number().int().nullable(),
})
export type Task = z.infer<typeof Task>

/** One firing of N attempts, all from the same pinned commit. */
export const Round = z.object({
  id: z.string(),
  taskId: z.string(),
  n: z.number().int(),
  baseSha: z.string(),
  slots: z.array(Slot),
  /** The brief as the agents got it, lessons included. */
  prompt: z.string(),
  rev: z.number().int(),
  firedAt: z.number().int(),
})
export type Round = z.infer<typeof Round>

/** What a trashed round taught; shown and editable before the next round fires. */
export const Lesson = z.object({
  id: z.string(),
  taskId: z.string(),
  /** The round that it was learnt from. */
  round: z.number().int(),
  wentWrong: z.string(),
  doDifferently: z.string(),
  doNotRepeat: z.string(),
  /** A question that only the engineer can answer; firing waits for it. */
  openQuestion: z.string().nullable(),
  answer: z.string().nullable(),
  /** Who wrote it: `facts` when no agent was available for the analysis. */
  source: z.string(),
  /** `analysing`: an agent is at it; until then the lesson holds what the facts alone teach. */
  state: z.enum(['analysing', 'done']),
  /** What the facts alone say, kept beside an agent's analysis and told to the next round as well. */
  facts: z.string(),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Lesson = z.infer<typeof Lesson>

export const MAX_ATTEMPTS = 8
/** A brief beyond this is refused: it is not a brief any more. */
export const MAX_BRIEF_CHARS = 1_000_000

/** The title of a task whose brief has none: its first line of text without Markdown marks, cut at a word. */
export function titleOf(brief: string): string {
  const line =
    brief
      .split('\n')
      .map((text) => text.replace(/^[\s#>*-]+/, '').trim())
      .find((text) => text.length > 0) ?? 'Untitled task'
  if (line.length <= 80) return line
  return `${line.slice(0, 80).replace(/\s+\S*$/, '')}…`
}
