import { z } from 'zod'

export const Theme = z.enum(['system', 'dark', 'light'])

/** A custom agent: a form in the settings, not code. */
export const CustomAgent = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,39}$/, 'small letters, digits and dashes'),
  /** Command line; `{prompt_file}` stands for the path of the brief. */
  command: z.string().min(1).max(10_000),
})
export type CustomAgent = z.infer<typeof CustomAgent>

/** Prices of one model in US dollars per million tokens; null for one that is not known. */
const Rates = z.object({
  input: z.number().nonnegative(),
  cachedInput: z.number().nonnegative().nullable(),
  /** Kept for five minutes, and for an hour. */
  cacheWrite: z.number().nonnegative().nullable(),
  cacheWrite1h: z.number().nonnegative().nullable(),
  output: z.number().nonnegative(),
})
export const ModelPrice = Rates.extend({
  model: z.string().min(1).max(200),
  /** For requests with more than `over` tokens of input, all of them. */
  long: Rates.extend({ over: z.number().int().positive() }).optional(),
  /** The day on which the price was read, and where. */
  asOf: z.iso.date(),
  source: z.string().max(500),
})
export type ModelPrice = z.infer<typeof ModelPrice>

/** What the engineer set in the app; a repository's WORKFLOW.md wins over it. */
export const Settings = z.object({
  theme: Theme.default('system'),
  /** Agents that run at once; further attempts wait in `pending`. */
  slots: z.number().int().min(1).max(64).default(8),
  defaultAttempts: z.number().int().min(1).max(8).default(4),
  defaultAgents: z.array(z.string()).default([]),
  /** Reviews by agents before a verdict; the workflow file's own reviewers run all the same. */
  reviews: z.boolean().default(true),
  /** Agent of the default reviewers and of the analysis of a trashed round; null for the first default agent that can. */
  reviewAgent: z.string().nullable().default(null),
  landMethod: z.enum(['squash', 'merge', 'rebase']).default('squash'),
  /** Base URL of the REST API by host, for forges that do not have it at the usual place (`https://HOST/api/v3`). */
  forgeHosts: z.record(z.string().min(1).max(255), z.url()).default({}),
  /** Terminal font size in px. */
  fontSize: z.number().int().min(8).max(32).default(13),
  /** No output, no signal and no CPU for this long makes an attempt `stalled`; 0 switches it off. */
  stallMinutes: z.number().min(0).max(1440).default(5),
  /** What the attempts of one round may use together before no further one is started; null for no bound. */
  budget: z
    .object({
      /** Input and output tokens, those from a cache included. */
      tokens: z.number().positive().nullable().default(null),
      /** US dollars. */
      cost: z.number().positive().nullable().default(null),
    })
    .prefault({}),
  /** The engineer's own prices, over those that are shipped: the same model's is replaced. */
  prices: z.array(ModelPrice).max(500).default([]),
  notifications: z.boolean().default(true),
  customAgents: z.array(CustomAgent).default([]),
})
export type Settings = z.infer<typeof Settings>
