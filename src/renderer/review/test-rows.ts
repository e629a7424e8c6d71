import { Attempt } from '../../shared/domain/attempt.ts'

/** The head of every attempt that says no other. */
export const HEAD = 'a'.repeat(40)

/** An attempt of a test: ready, without anything that is worth mentioning but what `rest` says. */
export function attemptRow(rest: Partial<Attempt> & Pick<Attempt, 'id' | 'n'>): Attempt {
  return Attempt.parse({
    taskId: 't',
    repoId: 'r',
    roundId: 'o',
    round: 1,
    agent: 'codex',
    slot: { agent: 'codex' },
    status: 'ready',
    statusAt: 0,
    statusSource: 'core',
    reason: null,
    step: null,
    endReason: null,
    attention: null,
    worktree: '/w',
    branch: 'b',
    baseSha: 'b'.repeat(40),
    headSha: HEAD,
    diffstat: null,
    terminalId: null,
    sessionRef: null,
    usage: null,
    verdict: null,
    trashRef: null,
    portBase: null,
    ignoredFiles: null,
    rev: 1,
    createdAt: 0,
    startedAt: null,
    readyAt: null,
    endedAt: null,
    ...rest,
  })
}
