import { z } from 'zod'

/** How changes of a repository are landed: `local` merges with git alone, `github` goes through pull requests. */
export const ForgeKind = z.enum(['local', 'github'])
export type ForgeKind = z.infer<typeof ForgeKind>

/** A local git clone that was added to Quartet. */
export const Repository = z.object({
  id: z.string(),
  /** Real absolute path of the main worktree. */
  path: z.string(),
  name: z.string(),
  baseBranch: z.string(),
  remoteUrl: z.string().nullable(),
  forge: ForgeKind,
  /** SHA-256 of the commands in its WORKFLOW.md to which the engineer consented; null before any consent. */
  trustedHash: z.string().nullable(),
  /** Set while the path cannot be read: the sentence says why. Nothing is removed because of it. */
  problem: z.string().nullable(),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Repository = z.infer<typeof Repository>

/** What is known of a path before it is added. */
export const RepositoryInspection = z.object({
  path: z.string(),
  name: z.string(),
  /** Best guess of the branch that work lands on. */
  baseBranch: z.string(),
  /** The branch checked out in the main worktree; null when HEAD is detached. */
  headBranch: z.string().nullable(),
  branches: z.array(z.string()),
  remoteUrl: z.string().nullable(),
  hasWorkflow: z.boolean(),
  hasSubmodules: z.boolean(),
  hasLfs: z.boolean(),
})
export type RepositoryInspection = z.infer<typeof RepositoryInspection>
