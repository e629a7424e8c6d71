import { z } from 'zod'
import { Repository, RepositoryInspection } from '../domain/repository.ts'
import { Task } from '../domain/task.ts'
import { EffectiveSetting, WorkflowState } from '../domain/workflow.ts'
import { procedure } from './errors.ts'

/** One entry of the folder browser: hosts without a native dialog need one. */
export const FolderEntry = z.object({ name: z.string(), path: z.string(), isRepository: z.boolean() })

export const repositories = {
  /** Looks at a path without adding it. Fails with the reason why it cannot be added. */
  inspect: procedure.input(z.object({ path: z.string().min(1) })).output(RepositoryInspection),
  add: procedure
    .input(
      z.object({
        path: z.string().min(1),
        baseBranch: z.string().min(1).optional(),
        trust: z.boolean().optional(),
      }),
    )
    .output(Repository),
  list: procedure.output(z.array(Repository)),
  update: procedure.input(z.object({ id: z.string(), baseBranch: z.string().min(1) })).output(Repository),
  /** Consents to exactly the commands that the repository's WORKFLOW.md holds now. */
  trust: procedure
    .input(
      z.object({
        id: z.string(),
        /** What was shown: another content by now is refused. */ hash: z.string().optional(),
      }),
    )
    .output(Repository),
  /** Commands of the repository's WORKFLOW.md and whether the engineer consented to exactly these. */
  commands: procedure.input(z.object({ id: z.string() })).output(
    z.object({
      hash: z.string().nullable(),
      trusted: z.boolean(),
      commands: z.array(z.object({ key: z.string(), run: z.string() })),
      problem: z.string().nullable(),
    }),
  ),
  /** Keys of the repository's own git configuration that name programs (filters, hooks): Quartet's git leaves them out. */
  shutConfig: procedure.input(z.object({ id: z.string() })).output(z.object({ keys: z.array(z.string()) })),
  /** The workflow file as it stands, and every setting in force with its source. A reference to the environment is shown as written. */
  workflow: procedure.input(z.object({ id: z.string() })).output(
    z.object({
      state: WorkflowState,
      settings: z.array(EffectiveSetting),
      /** In force; empty for the default prompt. */
      template: z.string(),
      unknownKeys: z.array(z.string()),
      commands: z.array(z.object({ key: z.string(), run: z.string() })),
      trusted: z.boolean(),
      /** The file's content now; null when there is none. */
      text: z.string().nullable(),
    }),
  ),
  /** Proposes a WORKFLOW.md from what the repository has; writes nothing. */
  draftWorkflow: procedure
    .input(z.object({ id: z.string() }))
    .output(
      z.object({ file: z.string(), exists: z.boolean(), text: z.string(), notes: z.array(z.string()) }),
    ),
  /** Writes a workflow file where there is none; the commands in it still wait for consent. Fails with `illegal_state` when there is one. */
  createWorkflow: procedure
    .input(z.object({ id: z.string(), text: z.string().min(1).max(1_048_576) }))
    .output(WorkflowState),
  /** Reads another file than `WORKFLOW.md` at the root; null goes back to that. */
  useWorkflow: procedure
    .input(z.object({ id: z.string(), path: z.string().min(1).max(4_096).nullable() }))
    .output(WorkflowState),
  /** Forgets a repository; its files, branches and kept attempts stay. Fails with `in_use` while work is open. */
  remove: procedure.input(z.object({ id: z.string() })).output(z.object({ id: z.string() })),
  branches: procedure.input(z.object({ id: z.string() })).output(z.array(z.string())),
  /** Folders below `path` (default: home), for the folder browser. */
  browse: procedure
    .input(z.object({ path: z.string().optional() }))
    .output(z.object({ path: z.string(), parent: z.string().nullable(), entries: z.array(FolderEntry) })),
  /** Creates the sample repository under the data directory (once) and fires four rehearsals in it. */
  trySample: procedure.output(z.object({ repository: Repository, task: Task })),
}
