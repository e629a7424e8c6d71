import { z } from 'zod'

/** The names that the public Symphony specification gives to what can be wrong with a workflow file. */
export const WorkflowErrorName = z.enum([
  'missing_workflow_file',
  'workflow_parse_error',
  'workflow_front_matter_not_a_map',
  'template_parse_error',
  'template_render_error',
])
export type WorkflowErrorName = z.infer<typeof WorkflowErrorName>

export const WorkflowProblem = z.object({
  name: WorkflowErrorName,
  /** Path of the key (`verify[0].run`); null when it is not about a key. */
  key: z.string().nullable(),
  /** Line in the file, 1 for the first; null when the file is missing. */
  line: z.number().int().nullable(),
  message: z.string(),
})
export type WorkflowProblem = z.infer<typeof WorkflowProblem>

/** How the workflow file of one repository stands. `id` is the repository's. */
export const WorkflowState = z.object({
  id: z.string(),
  /** Absolute path that is read. */
  file: z.string(),
  /** Given by the engineer instead of `WORKFLOW.md` at the root, relative to it or absolute; null for the usual place. */
  path: z.string().nullable(),
  /** `absent`: there is none, the app's settings apply. `invalid`: nothing new starts until it is mended. */
  state: z.enum(['absent', 'ok', 'invalid']),
  problems: z.array(WorkflowProblem),
  /** The file is invalid and what it last held validly goes on to apply to attempts that run. */
  usingLastGood: z.boolean(),
  /** SHA-256 of the commands in force; null without any. */
  hash: z.string().nullable(),
  rev: z.number().int(),
  /** When this was read. */
  at: z.number().int(),
})
export type WorkflowState = z.infer<typeof WorkflowState>

/** One setting as it is in force, and where it comes from. */
export const EffectiveSetting = z.object({
  /** As the workflow file names it. */
  key: z.string(),
  value: z.unknown(),
  source: z.enum(['workflow', 'settings', 'default']),
  /** Line in the workflow file. */
  line: z.number().int().nullable(),
  about: z.string(),
})
export type EffectiveSetting = z.infer<typeof EffectiveSetting>
