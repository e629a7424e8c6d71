/** One line of the table: what we take against what the reference took in the same job. */
export interface Row {
  /** Name in the quality goals: `P3a`. */
  goal: string
  what: string
  unit: 'ms' | 's' | 'MB/s' | 'MB' | '/s' | '%' | 'count' | 'fps'
  /** What is compared with, and what of ours is measured. */
  reference: string
  subject: string
  referenceSamples: readonly number[]
  subjectSamples: readonly number[]
  /** Limit of median subject ÷ median reference; null reports it only. */
  ratio: Limit | null
  /** Limit of the median subject itself. */
  absolute: Limit | null
  /** What showed, in the same run, that the work was done right. */
  proof: string
  note?: string
  /** What is known about the cause, said only when the goal is missed. */
  ifMissed?: string
}

export interface Limit {
  is: 'at most' | 'at least'
  value: number
}

export const atMost = (value: number): Limit => ({ is: 'at most', value })
export const atLeast = (value: number): Limit => ({ is: 'at least', value })

/** A row that could not be measured here, and why. */
export interface Missing {
  goal: string
  what: string
  why: string
}

export interface Options {
  /** Pairs of reference and subject. */
  rounds: number
  /** The long protocols: ten minutes of flood, a thousand creations, sixteen large worktrees. */
  full: boolean
  /** Tiny sizes, to see that everything runs; its figures mean nothing. */
  small: boolean
  /** Where files of a run lie. */
  scratch: string
  /** Wall time at which this benchmark is ended. */
  endsAt: number
}

export interface Tools {
  /** Compiled reference programs; null without a C compiler. */
  pty: string | null
  load: string | null
  tmux: string | null
  chromium: string | null
  /** Root of the built product. */
  app: string
  node: string
}

export interface Context extends Options {
  tools: Tools
  /** A folder of this benchmark alone; it is removed, and what runs in it is ended, when the benchmark is over. */
  dir: string
  say(line: string): void
  add(row: Row): void
  missing(row: Missing): void
  /** Runs at the end, also after a failure; the last one first. */
  defer(end: () => Promise<unknown> | unknown): void
}

export interface Bench {
  /** Short and unique; `--only` takes it or one of its goals. */
  name: string
  goals: readonly string[]
  /** Seconds after which it is ended, by force if need be; the second figure with `--full`. */
  deadline: readonly [number, number]
  run(context: Context): Promise<void>
}
