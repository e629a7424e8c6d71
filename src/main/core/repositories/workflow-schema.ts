import { z } from 'zod'
import { MAX_ATTEMPTS } from '../../../shared/domain/task.ts'

/** Of one check, when the file does not say. */
const CHECK_TIMEOUT_MS = 600_000
const HOOK_TIMEOUT_MS = 60_000
const REVIEW_TIMEOUT_MS = 600_000
/** After that the engineer decides. */
export const MAX_EXCHANGES = 2

/** Numbers may come as text: the public specification allows it. */
const int = (schema: z.ZodNumber) =>
  z.preprocess(
    (value) => (typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : value),
    schema.int(),
  )
const positive = (fallback: number) => int(z.number().positive()).default(fallback)
const command = z.string().trim().min(1, 'is empty')

/** Names as a list, or as one text with commas. Blank entries stay: they match nothing, which is not the same as no entry. */
const names = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',') : value),
  z.array(z.union([z.string(), z.number(), z.boolean()]).transform(String)),
)

const CheckConfig = z.looseObject({
  name: z.string().min(1),
  run: command,
  timeout_ms: positive(CHECK_TIMEOUT_MS),
  required: z.boolean().default(true),
  /** Runs beside its neighbours that say the same. */
  parallel: z.boolean().optional(),
})

const AgentSlot = z.looseObject({
  agent: z.string().min(1),
  model: z.string().nullish(),
  hint: z.string().nullish(),
  scenario: z.string().nullish(),
  command: command.nullish(),
})

const Reviewer = z.looseObject({
  name: z.string().min(1).max(60),
  agent: z.string().min(1).nullish(),
  focus: z.string().min(1),
  model: z.string().nullish(),
  scenario: z.string().nullish(),
})

/** The keys of WORKFLOW.md that Quartet knows, as the file spells them; others are kept and ignored. */
export const FrontMatter = z.looseObject({
  tracker: z
    .looseObject({
      kind: z.string().optional(),
      provider: z.record(z.string(), z.unknown()).default({}),
      required_labels: names.default([]),
      active_states: names.optional(),
      terminal_states: names.optional(),
    })
    .prefault({}),
  polling: z.looseObject({ interval_ms: positive(30_000) }).prefault({}),
  workspace: z.looseObject({ root: z.string().min(1).optional() }).prefault({}),
  hooks: z
    .looseObject({
      after_create: z.string().optional(),
      before_run: z.string().optional(),
      after_run: z.string().optional(),
      before_remove: z.string().optional(),
      timeout_ms: positive(HOOK_TIMEOUT_MS),
    })
    .prefault({}),
  agent: z
    .looseObject({
      max_concurrent_agents: positive(10),
      max_concurrent_agents_by_state: z.record(z.string(), z.unknown()).default({}),
      max_turns: positive(20),
      max_retry_backoff_ms: positive(300_000),
    })
    .prefault({}),
  codex: z
    .looseObject({
      command: command.default('codex app-server'),
      approval_policy: z.unknown().optional(),
      thread_sandbox: z.unknown().optional(),
      turn_sandbox_policy: z.unknown().optional(),
      turn_timeout_ms: positive(3_600_000),
      read_timeout_ms: positive(5_000),
      stall_timeout_ms: int(z.number()).default(300_000),
    })
    .prefault({}),
  attempts: z
    .looseObject({
      count: int(z.number().min(1).max(MAX_ATTEMPTS)).optional(),
      agents: z.array(z.union([z.string().min(1), AgentSlot])).optional(),
      budget: z.record(z.string(), z.unknown()).default({}),
    })
    .prefault({}),
  verify: z
    .looseObject({ parallel: z.boolean().default(false), checks: z.array(CheckConfig).default([]) })
    .prefault({}),
  review: z
    .looseObject({
      reviewers: z.array(Reviewer).optional(),
      exchanges: int(z.number().min(0).max(MAX_EXCHANGES)).default(MAX_EXCHANGES),
      timeout_ms: positive(REVIEW_TIMEOUT_MS),
      screenshots: names.default([]),
    })
    .prefault({}),
  land: z
    .looseObject({
      method: z.enum(['squash', 'merge', 'rebase']).optional(),
      allow_fixes: z.boolean().optional(),
      budget: int(z.number().min(0).max(20)).default(3),
      push: z.boolean().optional(),
      remote: z.string().min(1).optional(),
    })
    .prefault({}),
  files: z.looseObject({ copy: names.default([]), link: names.default([]) }).prefault({}),
})
export type FrontMatter = z.infer<typeof FrontMatter>

/** The keys at the top that mean something to us or to the public specification. */
export const KNOWN_KEYS: ReadonlySet<string> = new Set(Object.keys(FrontMatter.shape))

/** Limits per state of the tracker: keys trimmed and lower-cased, entries that are no positive integer left out. */
export function limitsByState(value: Readonly<Record<string, unknown>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([state, limit]) =>
      typeof limit === 'number' && Number.isInteger(limit) && limit > 0
        ? [[state.trim().toLowerCase(), limit]]
        : [],
    ),
  )
}
