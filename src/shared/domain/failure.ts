import { z } from 'zod'

/**
 * Every failure that a user can cause or meet, by code. A service throws `Failure` with one of these; the API hands it to
 * the client as a declared error, the CLI prints its message. Anything else that is thrown is a bug and becomes `internal`.
 */
export const FailureCode = z.enum([
  'not_found',
  'invalid_input',
  'illegal_state',
  // Repositories
  'not_a_repository',
  'bare_repository',
  'no_commits',
  'linked_worktree',
  'detached_head',
  'unborn_branch',
  'base_missing',
  'repository_missing',
  'already_added',
  // Git
  'git_failed',
  'git_timeout',
  'git_locked',
  'worktree_missing',
  'worktree_tampered',
  'merge_conflict',
  'base_moved',
  'base_dirty',
  'nothing_to_land',
  'stale_head',
  // Agents and terminals
  'agent_missing',
  'agent_exited',
  'terminal_missing',
  'not_delivered',
  'pty_failed',
  // Guards
  'blocked_by_findings',
  'consent_needed',
  'workflow_invalid',
  'undo_expired',
  'in_use',
  'limit',
  // House
  'data_dir_locked',
  'database_newer',
  'database_corrupt',
  'disk_full',
  'port_in_use',
  'unauthorized',
  'core_unreachable',
  'forge_failed',
  // Forges and remotes
  'forge_unauthorized',
  'forge_forbidden',
  'forge_not_found',
  'forge_conflict',
  'forge_rejected',
  'forge_rate_limited',
  'forge_unavailable',
  'push_rejected',
  'remote_denied',
  'remote_unreachable',
  'cancelled',
  'timeout',
])
export type FailureCode = z.infer<typeof FailureCode>

/** An expected failure: `message` is one clear sentence for the user, `data` is what a program needs. */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly data: Record<string, unknown>

  constructor(
    code: FailureCode,
    message: string,
    data: Record<string, unknown> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.data = data
  }
}

/** True when `error` is an expected failure, and of `code` if one is given. */
export function isFailure(error: unknown, code?: FailureCode): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code)
}

/** One sentence for any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
