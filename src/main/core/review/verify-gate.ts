import { createWriteStream } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Attempt, Check } from '../../../shared/domain/attempt.ts'
import { messageOf } from '../../../shared/domain/failure.ts'
import { SLOW_CHECK_MS } from '../../../shared/domain/review.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import { Gate } from '../../kernel/gate.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { Signals } from '../attempts/signals.ts'
import type { Ledger } from '../db/ledger.ts'
import type { CheckConfig } from '../repositories/workflow.ts'
import { summariseFailure } from './check-summary.ts'

/** Kept of one check's output in memory for its summary, and on disk for reading. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024

/** A tile shows what a check prints, not all of it. */
const PROGRESS_MS = 250
const PROGRESS_CHARS = 160
/** Checks of one attempt that say `parallel` run beside each other, as many at once. */
const PARALLEL_CHECKS = 4

export interface VerifyGateDeps {
  ledger: Ledger
  signals: Signals
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
  readonly #running = new Map<string, AbortController>()

  constructor(deps: VerifyGateDeps) {
    this.#deps = deps
    this.#gate = new Gate(deps.parallel)
  }

  /** Stops the checks of an attempt: those that did not end are `cancelled`. False when none run. */
  cancel(attemptId: string): boolean {
    const running = this.#running.get(attemptId)
    running?.abort()
    return running !== undefined
  }

  /**
   * Runs `configs` for the attempt at `headSha`, in order, neighbours that say `parallel` beside each other; earlier
   * results of other heads stay, visibly stale. Never throws for a red check.
   */
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
    const abort = new AbortController()
    this.#running.set(attempt.id, abort)
    const progress = new Progress(this.#deps, attempt.id, queued.length)
    const stop = AbortSignal.any([signal, abort.signal])
    try {
      return await this.#gate.run(0, async () => {
        const done: Check[] = []
        for (const batch of batchesOf(configs)) {
          const side = new Gate(PARALLEL_CHECKS)
          done.push(
            ...(await Promise.all(
              batch.map((i) =>
                side.run(i, () =>
                  this.#runOne(attempt, queued[i] as Check, configs[i] as CheckConfig, progress, stop),
                ),
              ),
            )),
          )
        }
        return done
      })
    } finally {
      progress.end()
      if (this.#running.get(attempt.id) === abort) this.#running.delete(attempt.id)
    }
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
    progress: Progress,
    signal: AbortSignal,
  ): Promise<Check> {
    const { ledger, clock, redactor } = this.#deps
    if (signal.aborted) return this.#end(attempt, check, { status: 'cancelled' })
    progress.began(check.name)
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
        onOutput: (chunk) => progress.printed(chunk),
      })
    } catch (error) {
      if (signal.aborted) return this.#end(attempt, check, { status: 'cancelled' })
      return this.#end(attempt, check, {
        status: 'failed',
        summary: `The command could not be started: ${messageOf(error)}`,
      })
    } finally {
      progress.ended(check.name)
    }
    const output = redactor.text(Buffer.concat([result.stdout, result.stderr]).toString('utf8'))
    await this.#keep(check.id, output)
    const passed = result.code === 0 && !result.timedOut
    const status = passed ? 'passed' : result.timedOut ? 'timed_out' : 'failed'
    const summary = passed
      ? ''
      : result.timedOut
        ? `Still running after ${config.timeout_ms / 1000} s.\n${summariseFailure(output, attempt.worktree)}`
        : summariseFailure(output, attempt.worktree)
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
          slow: (result.durationMs ?? 0) > SLOW_CHECK_MS,
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

/** Places of the checks that run together: a run of neighbours that say `parallel`, every other one alone. */
function batchesOf(configs: readonly CheckConfig[]): number[][] {
  const batches: number[][] = []
  configs.forEach((config, i) => {
    const last = batches.at(-1)
    if (config.parallel && last && configs[last[0] ?? 0]?.parallel) last.push(i)
    else batches.push([i])
  })
  return batches
}

/** What a tile shows while checks run: lossy, a few times a second. */
class Progress {
  readonly #deps: Pick<VerifyGateDeps, 'signals' | 'clock' | 'redactor'>
  readonly #attemptId: string
  readonly #total: number
  readonly #running: string[] = []
  #done = 0
  #line = ''
  #saidAt = Number.NEGATIVE_INFINITY

  constructor(
    deps: Pick<VerifyGateDeps, 'signals' | 'clock' | 'redactor'>,
    attemptId: string,
    total: number,
  ) {
    this.#deps = deps
    this.#attemptId = attemptId
    this.#total = total
    this.#say()
  }

  began(name: string): void {
    this.#running.push(name)
    this.#say()
  }

  ended(name: string): void {
    this.#running.splice(this.#running.indexOf(name), 1)
    this.#done++
    this.#say()
  }

  printed(chunk: Buffer): void {
    if (this.#deps.clock.monotonic() - this.#saidAt < PROGRESS_MS) return
    const tail = stripVTControlCharacters(chunk.subarray(-4 * PROGRESS_CHARS).toString('utf8'))
    const line = tail.split(/[\r\n]+/).findLast((each) => each.trim() !== '')
    if (!line) return
    this.#line = this.#deps.redactor
      .text(line.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ').trim())
      .slice(0, PROGRESS_CHARS)
    this.#say()
  }

  end(): void {
    this.#deps.signals.set(this.#attemptId, { verify: null })
  }

  #say(): void {
    this.#saidAt = this.#deps.clock.monotonic()
    this.#deps.signals.set(this.#attemptId, {
      verify: { done: this.#done, total: this.#total, running: [...this.#running], line: this.#line },
    })
  }
}
