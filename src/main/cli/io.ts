/** Everything the CLI touches of its process, so that tests run it in their own. */
export interface Io {
  out(text: string): void
  err(text: string): void
  env: Readonly<Record<string, string | undefined>>
  cwd: string
  /** Standard output is a person's terminal: colours and cut lines are for them only. */
  tty: boolean
  columns: number
  now(): number
  /** Aborted when the person presses Ctrl-C. */
  signal: AbortSignal
}

/** A wrong call: exit code 2, with a pointer to the command's help. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
