import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { Failure } from '../../../shared/domain/failure.ts'

export const WORKFLOW_FILE = 'WORKFLOW.md'

const DEFAULT_CHECK_TIMEOUT_MS = 600_000

const CheckConfig = z.object({
  name: z.string().min(1),
  run: z.string().min(1),
  timeout_ms: z.number().int().positive().default(DEFAULT_CHECK_TIMEOUT_MS),
  required: z.boolean().default(true),
})
export type CheckConfig = z.infer<typeof CheckConfig>

/** The keys of WORKFLOW.md that Quartet uses; others are kept and ignored, as the contract says. */
const FrontMatter = z.looseObject({
  hooks: z
    .looseObject({
      after_create: z.string().nullish(),
      before_run: z.string().nullish(),
      after_run: z.string().nullish(),
      before_remove: z.string().nullish(),
      timeout_ms: z.number().int().positive().default(60_000),
    })
    .default({ timeout_ms: 60_000 }),
  attempts: z
    .looseObject({ count: z.number().int().min(1).max(8).optional(), agents: z.array(z.string()).optional() })
    .default({}),
  verify: z
    .union([
      z.array(CheckConfig),
      z.looseObject({ parallel: z.boolean().default(false), checks: z.array(CheckConfig) }),
    ])
    .default([]),
  files: z
    .looseObject({ copy: z.array(z.string()).default([]), link: z.array(z.string()).default([]) })
    .default({ copy: [], link: [] }),
  land: z.looseObject({ method: z.enum(['squash', 'merge', 'rebase']).optional() }).default({}),
})

export interface Workflow {
  checks: CheckConfig[]
  hooks: {
    after_create: string | null
    before_run: string | null
    after_run: string | null
    before_remove: string | null
    timeoutMs: number
  }
  attempts: { count: number | null; agents: string[] | null }
  files: { copy: string[]; link: string[] }
  landMethod: 'squash' | 'merge' | 'rebase' | null
  /** Liquid template of the prompt; empty for the default one. */
  template: string
  /** Every command that the file makes us run, for the engineer's consent. */
  commands: { key: string; run: string }[]
  /** SHA-256 over exactly these commands; null when there are none. */
  hash: string | null
}

/** A repository without the file behaves as if it held this. */
export const NO_WORKFLOW: Workflow = {
  checks: [],
  hooks: { after_create: null, before_run: null, after_run: null, before_remove: null, timeoutMs: 60_000 },
  attempts: { count: null, agents: null },
  files: { copy: [], link: [] },
  landMethod: null,
  template: '',
  commands: [],
  hash: null,
}

/** Parses the text of a WORKFLOW.md. Throws `workflow_invalid` whose sentence names the key (and the line of a YAML error). */
export function parseWorkflow(text: string): Workflow {
  const match = /^---\r?\n([\s\S]*?)\r?\n?---(?:\r?\n|$)([\s\S]*)$/.exec(text)
  if (!match) return { ...NO_WORKFLOW, template: text.trim() }
  const document = parseDocument(match[1] ?? '')
  const error = document.errors[0]
  if (error)
    throw new Failure('workflow_invalid', `${WORKFLOW_FILE}: ${error.message}`, {
      name: 'workflow_parse_error',
    })
  const value: unknown = document.toJS() ?? {}
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new Failure('workflow_invalid', `${WORKFLOW_FILE}: the front matter must be a map.`, {
      name: 'workflow_front_matter_not_a_map',
    })
  }
  const parsed = FrontMatter.safeParse(value)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    throw new Failure('workflow_invalid', `${WORKFLOW_FILE}: ${issue?.path.join('.')}: ${issue?.message}`, {
      name: 'workflow_parse_error',
    })
  }
  const { hooks, verify, files, attempts, land } = parsed.data
  const checks = Array.isArray(verify) ? verify : verify.checks
  const named = {
    after_create: hooks.after_create ?? null,
    before_run: hooks.before_run ?? null,
    after_run: hooks.after_run ?? null,
    before_remove: hooks.before_remove ?? null,
  }
  const commands = [
    ...Object.entries(named).flatMap(([key, run]) => (run ? [{ key: `hooks.${key}`, run }] : [])),
    ...checks.map((check) => ({ key: `verify.${check.name}`, run: check.run })),
  ]
  return {
    checks,
    hooks: { ...named, timeoutMs: hooks.timeout_ms },
    attempts: { count: attempts.count ?? null, agents: attempts.agents ?? null },
    files: { copy: files.copy, link: files.link },
    landMethod: land.method ?? null,
    template: (match[2] ?? '').trim(),
    commands,
    hash: commands.length === 0 ? null : createHash('sha256').update(JSON.stringify(commands)).digest('hex'),
  }
}

/** Reads the workflow of the repository at `path`; one without the file gives `NO_WORKFLOW`. */
export async function readWorkflow(path: string): Promise<Workflow> {
  try {
    return parseWorkflow(await readFile(join(path, WORKFLOW_FILE), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NO_WORKFLOW
    throw error
  }
}

/** True when every command of the workflow may run: there is none, or the engineer consented to exactly these. */
export function isTrusted(workflow: Workflow, trustedHash: string | null): boolean {
  return workflow.hash === null || workflow.hash === trustedHash
}
