import { z } from 'zod'

/** What the host of the core can do; features ask for these, never for the kind of host. */
export const HostCapabilities = z.object({
  /** Native folder dialog; without it the app shows its own folder browser. */
  folderDialog: z.boolean(),
  notifications: z.enum(['native', 'browser']),
  globalShortcut: z.boolean(),
  revealInFileManager: z.boolean(),
})
export type HostCapabilities = z.infer<typeof HostCapabilities>

export const SystemInfo = z.object({
  version: z.string(),
  host: z.enum(['electron', 'web']),
  capabilities: HostCapabilities,
  dataDir: z.string(),
  platform: z.string(),
  /** The engineer's home folder: where a folder browser starts. */
  home: z.string(),
  pid: z.number().int(),
})
export type SystemInfo = z.infer<typeof SystemInfo>

/** Whether an agent has an account or a key, as far as its own files tell. */
export const SignIn = z.object({
  state: z.enum(['yes', 'no', 'unknown']),
  /** By what, or what to do; never a secret. */
  detail: z.string(),
})
export type SignIn = z.infer<typeof SignIn>

/** An agent as it was found on this machine. */
export const AgentInfo = z.object({
  name: z.string(),
  label: z.string(),
  installed: z.boolean(),
  /** Where its program is; null for those that need none. */
  path: z.string().nullable(),
  version: z.string().nullable(),
  /** Why it cannot be used, or what is unusual, as one sentence. */
  problem: z.string().nullable(),
  /** Scenarios of the rehearsal; empty for real agents. */
  scenarios: z.array(z.object({ name: z.string(), about: z.string() })),
  /** Needs a command line in its slot. */
  needsCommand: z.boolean(),
  /** null for agents of which it cannot be told. */
  signIn: SignIn.nullable().optional(),
  /** Why reports of its hooks do not arrive, null when a test report did; absent when it was not tested or has no hooks. */
  hookProblem: z.string().nullable().optional(),
  /** Why an attempt of it failed last. */
  lastError: z.object({ at: z.number().int(), text: z.string() }).nullable().optional(),
  /** A quota or rate limit that holds its attempts back now, as one sentence. */
  limit: z.string().nullable().optional(),
})
export type AgentInfo = z.infer<typeof AgentInfo>

/** One line of `quartet doctor`. */
export const DoctorLine = z.object({
  name: z.string(),
  status: z.enum(['ok', 'warning', 'failed']),
  detail: z.string(),
})
export type DoctorLine = z.infer<typeof DoctorLine>
