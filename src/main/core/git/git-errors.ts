import { Failure } from '../../../shared/domain/failure.ts'

// The only place that reads git's prose. Runs under LC_ALL=C, so the sentences are git's English ones.

export type GitProblem =
  | { kind: 'locked'; lockFile: string }
  /** A racing `git worktree add` left an admin folder half written for a moment. */
  | { kind: 'racing_worktree' }
  | { kind: 'ref_moved' }
  | { kind: 'ref_missing' }
  | { kind: 'branch_exists' }
  | { kind: 'not_a_repository' }
  | { kind: 'bare_repository' }
  | { kind: 'foreign_owner' }
  | { kind: 'would_overwrite' }
  | { kind: 'unrelated_histories' }
  | { kind: 'bad_revision' }
  | { kind: 'broken_config' }
  | { kind: 'disk_full' }
  | { kind: 'unknown' }

const RULES: readonly [RegExp, (match: RegExpExecArray) => GitProblem][] = [
  [/Unable to create '(.+?\.lock)': File exists/, (m) => ({ kind: 'locked', lockFile: m[1] ?? '' })],
  [/could not lock config file (.+?): File exists/, (m) => ({ kind: 'locked', lockFile: `${m[1]}.lock` })],
  [/failed to read .*commondir/, () => ({ kind: 'racing_worktree' })],
  [/No space left on device|Disk quota exceeded/, () => ({ kind: 'disk_full' })],
  [
    /cannot lock ref '.*?': (?:is at .* but expected|reference already exists)/,
    () => ({ kind: 'ref_moved' }),
  ],
  [/cannot lock ref '.*?': unable to resolve reference/, () => ({ kind: 'ref_missing' })],
  [/[Aa] branch named '.*' already exists/, () => ({ kind: 'branch_exists' })],
  [/detected dubious ownership/, () => ({ kind: 'foreign_owner' })],
  [/cannot use bare repository|must be run in a work tree/, () => ({ kind: 'bare_repository' })],
  [/not a git repository|invalid gitfile format/, () => ({ kind: 'not_a_repository' })],
  [/would be overwritten|not uptodate\. Cannot/, () => ({ kind: 'would_overwrite' })],
  [/refusing to merge unrelated histories/, () => ({ kind: 'unrelated_histories' })],
  [/bad config (?:line|value|variable|numeric)|invalid section name/, () => ({ kind: 'broken_config' })],
  [
    /(?:bad|unknown) revision|bad object|Not a valid object name|ambiguous argument/,
    () => ({ kind: 'bad_revision' }),
  ],
]

/** What git's standard error speaks of. */
export function classify(stderr: string): GitProblem {
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(stderr)
    if (match) return make(match)
  }
  return { kind: 'unknown' }
}

/** Gone by itself within a moment: another git was just writing. */
export function isTransient(problem: GitProblem): boolean {
  return problem.kind === 'locked' || problem.kind === 'racing_worktree'
}

export interface FailedCall {
  operation: string
  args: readonly string[]
  exitCode: number | null
  stderr: string
}

/** The failure to throw for a call that ended badly; `git_locked` is made by the runner, which looks at the lock. */
export function failureOf(call: FailedCall, problem: GitProblem): Failure {
  const data = { ...call, stderr: call.stderr.slice(0, 4_000) }
  const reason = firstSentence(call.stderr) || `git ended with code ${call.exitCode ?? 'none (killed)'}`
  switch (problem.kind) {
    case 'disk_full':
      return new Failure('disk_full', `No space is left on the disk (${call.operation}).`, data)
    case 'foreign_owner':
      return new Failure(
        'git_failed',
        'This repository belongs to another user of the machine; git only opens it after `git config --global --add safe.directory PATH`.',
        data,
      )
    case 'broken_config':
      return new Failure('git_failed', `The repository's git configuration cannot be read: ${reason}.`, data)
    default:
      return new Failure('git_failed', `${call.operation}: ${reason}.`, data)
  }
}

/** git's own sentence: the first `fatal:` or `error:` line, else the first line at all. */
function firstSentence(stderr: string): string {
  const lines = stderr
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  const line = lines.find((each) => /^(fatal|error): /.test(each)) ?? lines[0] ?? ''
  return line
    .replace(/^(fatal|error): /, '')
    .replace(/\.$/, '')
    .slice(0, 300)
}
