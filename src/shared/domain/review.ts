import { z } from 'zod'
import { Usage } from './attempt.ts'

/** What a changed file is for; generated ones are collapsed and never counted as work. */
export const FileKind = z.enum(['source', 'tests', 'docs', 'generated'])
export type FileKind = z.infer<typeof FileKind>

const KindStat = z.object({
  files: z.number().int(),
  added: z.number().int(),
  removed: z.number().int(),
})

export const EvidenceFile = z.object({
  path: z.string(),
  kind: FileKind,
  /** Git's letter: A, M, D, R, C, T. */
  status: z.string(),
  /** null for binary files. */
  added: z.number().int().nullable(),
  removed: z.number().int().nullable(),
})
export type EvidenceFile = z.infer<typeof EvidenceFile>

/** A dependency that a manifest names since this change, or names no more, or in another version. */
export const DependencyChange = z.object({
  manifest: z.string(),
  name: z.string(),
  /** Version before; null when it is new. */
  from: z.string().nullable(),
  /** Version now; null when it is gone. */
  to: z.string().nullable(),
})
export type DependencyChange = z.infer<typeof DependencyChange>

/** What an attempt can show at one head. Another head of the attempt makes the row stale. */
export const Evidence = z.object({
  id: z.string(),
  attemptId: z.string(),
  headSha: z.string(),
  baseSha: z.string(),
  kinds: z.object({ source: KindStat, tests: KindStat, docs: KindStat, generated: KindStat }),
  /** At most `MAX_EVIDENCE_FILES`; the figures above count all. */
  files: z.array(EvidenceFile),
  /** Test cases (not files) that the change declares or removes. */
  tests: z.object({ added: z.number().int(), removed: z.number().int() }),
  dependencies: z.array(DependencyChange),
  /** Packages that a lock file gains, loses or changes: what a dependency brings along. */
  locks: z.array(
    z.object({
      file: z.string(),
      added: z.number().int(),
      removed: z.number().int(),
      changed: z.number().int(),
    }),
  ),
  /** Files that deserve a second look, and why. */
  unusual: z.array(z.object({ path: z.string(), why: z.string() })),
  /** Secrets in added lines: never the secret itself. */
  secrets: z.array(
    z.object({ file: z.string(), line: z.number().int(), rule: z.string(), message: z.string() }),
  ),
  /** What the agent said when it finished, cut; its word, not ours. */
  claim: z.string().nullable(),
  screenshots: z.array(
    z.object({ name: z.string(), path: z.string(), mime: z.string(), bytes: z.number().int() }),
  ),
  /** `quartet`: the agent left work uncommitted and the app committed it. */
  committedBy: z.enum(['agent', 'quartet']),
  /** What could not be looked at, one sentence each: nothing is claimed of that. */
  gaps: z.array(z.string()),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Evidence = z.infer<typeof Evidence>

export const MAX_EVIDENCE_FILES = 300

/** One reviewer's look at one head of one attempt. Only `done` is a review; anything else must not read as “no findings”. */
export const Review = z.object({
  id: z.string(),
  attemptId: z.string(),
  headSha: z.string(),
  /** Name of the persona. */
  reviewer: z.string(),
  /** The agent that played it; null when none could. */
  agent: z.string().nullable(),
  focus: z.string(),
  /** 1 for the first look, 2 after the author answered. */
  exchange: z.number().int(),
  /** `failed`: no review, because of `problem`. `skipped`: nobody was asked, because of `problem`. */
  status: z.enum(['queued', 'running', 'done', 'failed', 'skipped', 'cancelled']),
  problem: z.string().nullable(),
  summary: z.string(),
  /** How often the agent was asked: 2 when its first answer was malformed. */
  tries: z.number().int(),
  findings: z.number().int(),
  usage: Usage.nullable(),
  durationMs: z.number().nullable(),
  rev: z.number().int(),
  createdAt: z.number().int(),
})
export type Review = z.infer<typeof Review>

/** Two attempts, or an attempt and the base, whose merge conflicts. */
export const Overlap = z.object({
  a: z.string(),
  /** null: the base branch as it is now. */
  b: z.string().nullable(),
  files: z.array(z.string()),
})
export type Overlap = z.infer<typeof Overlap>

/** A check beyond this is flagged: the inner loop should stay below one minute. */
export const SLOW_CHECK_MS = 60_000
