import { z } from 'zod'

/** What can happen; the part before the dot is the thing it happened to. */
export const FactKind = z.enum([
  'repository.added',
  'repository.removed',
  'repository.trusted',
  'repository.problem',
  'task.created',
  'task.edited',
  'task.status',
  'round.fired',
  'attempt.status',
  'attempt.step',
  'attempt.question',
  'attempt.answered',
  'attempt.commit',
  'attempt.attention',
  'attempt.kept',
  'attempt.restored',
  'attempt.usage',
  'attempt.claimed',
  'attempt.asked',
  'verdict.given',
  'verdict.undone',
  'check.ended',
  'review.asked',
  'review.ended',
  'finding.answered',
  'lesson.written',
  'land.phase',
  'land.fix',
  'land.waits',
  'pull.opened',
  'pull.observed',
  'pull.comment',
  'pull.replied',
  'terminal.opened',
  'terminal.ended',
  'terminal.log_stopped',
  'settings.changed',
  'workflow.loaded',
])
export type FactKind = z.infer<typeof FactKind>

/** One line of the append-only history. */
export const Fact = z.object({
  seq: z.number().int(),
  at: z.number().int(),
  kind: FactKind,
  actor: z.enum(['engineer', 'agent', 'core', 'forge']),
  repoId: z.string().nullable(),
  taskId: z.string().nullable(),
  attemptId: z.string().nullable(),
  body: z.record(z.string(), z.unknown()),
})
export type Fact = z.infer<typeof Fact>
