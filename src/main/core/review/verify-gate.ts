import { createWriteStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attempt, Check } from '../../../shared/domain/attempt.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import { Gate } from '../../kernel/gate.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { Ledger } from '../db/ledger.ts'
import type { CheckConfig } from '../repositories/workflow.ts'
import { summariseFailure } from './check-summary.ts'

/** Kept of one check's output in memory for its summary, and on disk for reading. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

export interface VerifyGateDeps {
  ledger: Ledger
  clock: Clock
  redactor: Redactor
  /** Folder of the check logs. */
  logDir: string
  /** Complete environment for commands of a repository. */
  environment: () => Promise<Readonly<Record<string, string>>>
  /** Worktrees that are checked at once. */
  parallel: number
}

/** Runs the same commands in every attempt's worktree, by the app and not by the agent. */
export class VerifyGate {
  readonly #deps: VerifyGateDeps
  readonly #gate: Gate

  constructor(deps: VerifyGateDeps) {
    this.#deps = deps
    this.#gate = new Gate(deps.parallel)
  }

  /** Runs `configs` in order for the attempt at `headSha`; earlier results of other heads stay, visibly stale. */
  async run(
    attempt: Pick<Attempt, 'id' | 'taskId' | 'repoId' | 'worktree'>,
    headSha: string,
    configs: readonly CheckConfig[],
    signal: AbortSignal,
  ): Promise<Check[]> {
    const { ledger } = this.#deps
    const queued = ledger.commit((tx) => {
      for (const old of ledger.select('checks', 'attemptId = ? AND headSha = ?', attempt.id, headSha))
        tx.remove('checks', old.id)
      return configs.map((config) =>
        tx.put('checks', {
          id: mintId('check', this.#deps.clock.now()),
          attemptId: attempt.id,
          name: config.name,
          command: config.run,
          required: config.required,
          status: 'queued',
          exitCode: null,
          headSha,
          durationMs: null,
          summary: '',
          startedAt: null,
        }),
      )
    })
    return this.#gate.run(0, async () => {
      const done: Check[] = []
      for (const [i, check] of queued.entries()) {
        done.push(
          signal.aborted
            ? this.#end(attempt, check, { status: 'cancelled' })
            : await this.#runOne(attempt, check, configs[i] as CheckConfig, signal),
        )
      }
      return done
    })
  }

  /** The kept output of a check as text; empty when nothing was kept. */
  async readLog(checkId: string): Promise<string> {
    const file = await open(this.#logPath(checkId)).catch(() => null)
    if (!file) return ''
    try {
      const buffer = Buffer.alloc(Math.min(MAX_OUTPUT_BYTES, (await file.stat()).size))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  }

  async #runOne(
    attempt: Pick<Attempt, 'id' | 'taskId' | 'repoId' | 'worktree'>,
    check: Check,
    config: CheckConfig,
    signal: AbortSignal,
  ): Promise<Check> {
    const { ledger, clock, redactor } = this.#deps
    ledger.commit((tx) => tx.patch('checks', check.id, { status: 'running', startedAt: clock.now() }))
    const env = await this.#deps.environment()
    let result: Awaited<ReturnType<typeof exec>>
    try {
      result = await exec('bash', ['-lc', config.run], {
        cwd: attempt.worktree,
        env: { ...env, CI: '1', QUARTET_ATTEMPT: attempt.id },
        timeoutMs: config.timeout_ms,
        signal,
        maxBytes: MAX_OUTPUT_BYTES,
      })
    } catch (error) {
      if (signal.aborted) return this.#end(attempt, check, { status: 'cancelled' })
      return this.#end(attempt, check, {
        status: 'failed',
        summary: `The command could not be started: ${(error as Error).message}`,
      })
    }
    const output = redactor.text(Buffer.concat([result.stdout, result.stderr]).toString('utf8'))
    await this.#keep(check.id, output)
    const passed = result.code === 0 && !result.timedOut
    const status = passed ? 'passed' : result.timedOut ? 'timed_out' : 'failed'
    const summary = passed
      ? ''
      : result.timedOut
        ? `Still running after ${config.timeout_ms / 1000} s.\n${summariseFailure(output)}`
        : summariseFailure(output)
    return this.#end(attempt, check, {
      status,
      exitCode: result.code,
      durationMs: result.durationMs,
      summary,
    })
  }

  #end(
    attempt: Pick<Attempt, 'id' | 'taskId' | 'repoId'>,
    check: Check,
    result: Pick<Check, 'status'> & Partial<Check>,
  ): Check {
    return this.#deps.ledger.commit((tx) => {
      tx.fact({
        kind: 'check.ended',
        repoId: attempt.repoId,
        taskId: attempt.taskId,
        attemptId: attempt.id,
        body: {
          name: check.name,
          status: result.status,
          exitCode: result.exitCode ?? null,
          headSha: check.headSha,
          durationMs: Math.round(result.durationMs ?? 0),
        },
      })
      return tx.patch('checks', check.id, result)
    })
  }

  async #keep(checkId: string, output: string): Promise<void> {
    await mkdir(this.#deps.logDir, { recursive: true, mode: 0o700 })
    await new Promise<void>((resolve) => {
      const file = createWriteStream(this.#logPath(checkId), { mode: 0o600 })
      // A full disk costs the log, not the verdict: the summary is in the row.
      file.on('error', () => resolve())
      file.end(output, () => resolve())
    })
  }

  #logPath(checkId: string): string {
    return join(this.#deps.logDir, `${checkId}.log`)
  }
}
