import type { Usage } from '../../../shared/domain/attempt.ts'
import type { AgentInfo } from '../../../shared/domain/host.ts'
import type { Slot } from '../../../shared/domain/task.ts'
import type { ModelTokens, PriceTable } from './usage/prices.ts'

/** An environment that is complete: a child gets these variables and no others. */
export type Environment = Readonly<Record<string, string>>

/** Everything that a driver needs to say how one attempt is started. All paths are absolute. */
export interface LaunchContext {
  attemptId: string
  taskId: string
  round: number
  n: number
  slot: Slot
  /** Real path of the attempt's own worktree: the agent's working folder. */
  worktree: string
  branch: string
  baseSha: string
  /** The whole brief of this slot (lessons and hint included). */
  prompt: string
  /** The same text in a file of mode 0600 outside the worktree, written before `plan` is called. */
  promptFile: string
  /** The attempt's private folder (0700) in the data directory: drivers put per-launch settings files there. */
  runDir: string
  hook: HookAccess
  /** The login shell's environment, complete; each driver takes from it what its allowlist names. */
  env: Environment
  /** Continue this conversation instead of starting with the prompt; `message` is sent as its next turn. */
  resume: { sessionRef: string; message: string | null } | null
  /** A free block of ports, exported as PORT and QUARTET_PORT_BASE. */
  ports: { base: number; count: number } | null
  /** Where it can report what it uses; null when nobody takes it. */
  telemetry: TelemetryAccess | null
}

/** Where an agent sends its OpenTelemetry logs: OTLP over HTTP in the JSON encoding, at `<base>/v1/logs`. */
export interface TelemetryAccess {
  base: string
  header: { name: string; value: string }
}

/** How a child of the agent reaches our hook listener. */
export interface HookAccess {
  /** The attempt's descriptor file (`HookListener.open`), read by the hook program at call time. */
  file: string
  /** Argv that runs the hook program (`hookCommand` in programs.ts). */
  command: readonly string[]
}

/** What to start in the attempt's terminal; the working folder is the worktree. */
export interface LaunchPlan {
  /** Absolute path of the program. */
  file: string
  args: readonly string[]
  /** Complete: nothing of our own environment may be merged in. */
  env: Environment
  /** The agent's id of the conversation, where we can choose it; else it comes later with a `session` event. */
  sessionRef: string | null
  promptDelivery: 'argv' | 'file'
}

/** How a child that answers once and exits is run (reviewers, analysis). */
export interface HeadlessRequest {
  prompt: string
  /** JSON Schema (draft 2020-12 subset) of the answer. */
  schema: Readonly<Record<string, unknown>>
  worktree: string
  model: string | null
  /** The rehearsal plays this scenario; null for its default. */
  scenario: string | null
  /** Private folder for schema and answer files; exists. */
  runDir: string
  env: Environment
}

export interface HeadlessPlan {
  file: string
  args: readonly string[]
  env: Environment
  /** For standard input. */
  input: string
  /** Reads the finished run. Throws `agent_failed` when it gave no answer of JSON. Does not check the schema. */
  read(run: { code: number | null; stdout: string; stderr: string }): Promise<HeadlessAnswer>
}

export interface HeadlessAnswer {
  value: unknown
  usage: Usage | null
}

/** What an agent waits for an answer to. */
export interface AgentQuestion {
  text: string
  about: 'permission' | 'question' | 'trust' | 'auth'
  options: readonly string[]
}

interface EventBase {
  /** ms since the epoch. */
  at: number
}

/**
 * What an agent reports, in words that are the same for all of them. Events of sub-agents never get here.
 * - `attached`: the agent's interface is up; it does not work yet.
 * - `started`: it accepted a prompt; this is what confirms the delivery of a message. `text` is how that prompt begins.
 * - `working`: it does something (a tool call before or after).
 * - `question`: it waits for the engineer: a permission, a dialog, a question; `text` is what it asks, `options` the answers
 *   that it offers (empty for free text).
 * - `finished`: its turn is over and it waits for the next message; `text` is its last message.
 * - `interrupted`: its turn was broken off by the engineer and it waits for the next message. Not every agent says so.
 * - `failed`: its turn ended by an error.
 * - `ended`: the session is closed.
 * - `limit`: a quota or rate limit; `resetsAt` where it was said, `question` where the agent asks how to go on.
 */
export type AgentEvent = EventBase &
  (
    | { kind: 'attached' }
    | { kind: 'session'; sessionRef: string; transcript: string | null }
    | { kind: 'started'; text: string | null }
    | { kind: 'working'; tool: string | null; failed: boolean }
    | ({ kind: 'question' } & AgentQuestion)
    | { kind: 'interrupted' }
    | { kind: 'finished'; text: string | null }
    | { kind: 'failed'; text: string }
    | { kind: 'ended'; text: string | null }
    | { kind: 'limit'; text: string; resetsAt: number | null; question?: AgentQuestion }
    | { kind: 'compacted' }
    | { kind: 'usage'; usage: Usage }
  )

/** What one record of an agent's OpenTelemetry log says: an answer of the model, a prompt, a tool's result, a shortened memory. */
export type UseEvent = {
  /** The agent's id of the conversation; that of a sub-agent may be another than the attempt's. */
  conversation: string
} & (
  | { kind: 'answer'; tokens: ModelTokens }
  | { kind: 'turn' }
  | { kind: 'tool'; failed: boolean }
  | { kind: 'compacted' }
)

/** Knows how to read what a conversation used. */
export interface UsageReader {
  /** What tokens cost now. */
  prices(): Promise<PriceTable>
  /** A record of the agent's OpenTelemetry log, by the names of its attributes; null for one that says nothing of use. */
  interpret(attributes: Readonly<Record<string, string>>): UseEvent | null
  /**
   * From the agent's own files: what the conversation `sessionRef` used, and its sub-agents where those have conversations of
   * their own, each under its id. Nothing under an id of which there is nothing to read (unknown).
   */
  read(context: {
    sessionRef: string
    worktree: string
    env: Environment
    signal: AbortSignal
  }): Promise<Map<string, Usage>>
}

/** One agent CLI: how it is found, started, resumed and understood. Stateless: everything comes with the call. */
export interface AgentDriver {
  readonly name: string
  readonly label: string
  /** Its slot must carry a command line. */
  readonly needsCommand: boolean
  /**
   * How its work ends: `exit` agents end their process; `signal` agents say `finished` and stay open for the next message.
   */
  readonly endsBy: 'exit' | 'signal'
  scenarios(): readonly { name: string; about: string }[]
  /** Looks for the program in `env` and asks its version. Never throws: what is wrong is the info's `problem`. */
  detect(env: Environment, signal: AbortSignal): Promise<AgentInfo>
  /** Writes the per-launch files into `runDir`. Throws `agent_missing`, `invalid_input`. */
  plan(context: LaunchContext): Promise<LaunchPlan>
  /** True when the conversation `resume.sessionRef` still exists in the agent's own files for this worktree. */
  canResume(context: Pick<LaunchContext, 'worktree' | 'env' | 'resume' | 'runDir'>): Promise<boolean>
  /** A raw payload of the hook program → events; what it does not know gives none. */
  interpret(payload: unknown, at: number): AgentEvent[]
  /**
   * What the visible screen (plain text, lines joined by newline) says that no hook does: dialogs on start, errors, limits.
   * For a screen that has been quiet for some seconds; gives the same events again for the same screen.
   */
  readScreen(screen: string, at: number): AgentEvent[]
  /** How the entries of its dialogs look, where they are not simply numbered or other lines of its screens are, too. */
  readonly dialogEntry?: RegExp
  /** What to write to the terminal to send a follow-up: each part is a write of its own, the last one submits. */
  followUp(text: string): readonly string[]
  /** The same for the answer to a question of the agent: `yes`, `no`, one of its options, or free text. */
  answer(question: AgentQuestion, text: string): readonly string[]
  /** Null for agents that cannot answer without a terminal. */
  headless: ((request: HeadlessRequest) => Promise<HeadlessPlan>) | null
  usage: UsageReader | null
}
