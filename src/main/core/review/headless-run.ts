import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { Usage } from '../../../shared/domain/attempt.ts'
import { Failure, isFailure } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import { Gate } from '../../kernel/gate.ts'
import type { AgentDriver, Environment } from '../agents/driver.ts'
import { addUsage } from '../agents/usage/merge.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

export interface HeadlessTask<T> {
  driver: AgentDriver
  prompt: string
  schema: JsonSchema
  /** What the schema allows, as our own type. */
  parse: (value: unknown) => T
  /** Working folder of the run. */
  cwd: string
  model: string | null
  scenario: string | null
  timeoutMs: number
  signal: AbortSignal
}

export interface HeadlessResult<T> {
  value: T
  usage: Usage | null
  /** How often the agent was asked: 2 after a malformed answer. */
  tries: number
  durationMs: number
}

export interface HeadlessRunnerDeps {
  clock: Clock
  environment: () => Promise<Environment>
  /** Private folder for schema and answer files of the runs. */
  dir: string
}

/** Agents that answer at once, over the whole app: more would only wait for the same quota. */
const PARALLEL = 4
/** An answer of JSON beyond this is none. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024
/** A malformed answer is asked for once more. */
const TRIES = 2

/** Runs agents without a terminal: one prompt, one answer that fits a schema. */
export class HeadlessRunner {
  readonly #deps: HeadlessRunnerDeps
  readonly #gate = new Gate(PARALLEL)
  readonly #ajv = new Ajv2020({ allErrors: true, strict: false })
  readonly #validators = new WeakMap<JsonSchema, ValidateFunction>()

  constructor(deps: HeadlessRunnerDeps) {
    this.#deps = deps
  }

  /**
   * Asks the agent; an answer that is no JSON or does not fit the schema is asked for once more, with what was wrong.
   * Throws `agent_exited` with the reason when there is no answer, `timeout`, `cancelled`; `data.tries` counts.
   */
  async run<T>(task: HeadlessTask<T>): Promise<HeadlessResult<T>> {
    return this.#gate.run(0, async () => {
      const started = this.#deps.clock.monotonic()
      let prompt = task.prompt
      let usage: Usage | null = null
      for (let tries = 1; ; tries++) {
        try {
          const answer = await this.#ask(task, prompt)
          // A first answer that could not be used was paid for, too.
          usage = usage && answer.usage ? addUsage(usage, answer.usage) : (answer.usage ?? usage)
          return {
            value: this.#check(task, answer.value),
            usage,
            tries,
            durationMs: this.#deps.clock.monotonic() - started,
          }
        } catch (error) {
          if (!isFailure(error)) throw error
          const again = error.code === 'agent_exited' && tries < TRIES && !task.signal.aborted
          if (!again) throw new Failure(error.code, error.message, { ...error.data, tries }, { cause: error })
          prompt = `${task.prompt}\n\nYour last answer could not be used: ${error.message}\nAnswer with JSON that fits the schema, and with nothing else.`
        }
      }
    })
  }

  async #ask(task: HeadlessTask<unknown>, prompt: string) {
    const { driver } = task
    if (!driver.headless)
      throw new Failure('agent_missing', `“${driver.name}” cannot answer without a terminal.`)
    const runDir = await mkdtemp(join(this.#deps.dir, 'run-'))
    try {
      const plan = await driver.headless({
        prompt,
        schema: task.schema,
        worktree: task.cwd,
        model: task.model,
        scenario: task.scenario,
        runDir,
        env: await this.#deps.environment(),
      })
      const run = await exec(plan.file, plan.args, {
        cwd: task.cwd,
        env: plan.env,
        input: plan.input,
        timeoutMs: task.timeoutMs,
        signal: task.signal,
        maxBytes: MAX_OUTPUT_BYTES,
      })
      if (run.timedOut)
        throw new Failure('timeout', `It did not answer within ${Math.round(task.timeoutMs / 1000)} s.`)
      return await plan.read({
        code: run.code,
        stdout: run.stdout.toString('utf8'),
        stderr: run.stderr.toString('utf8'),
      })
    } finally {
      await rm(runDir, { recursive: true, force: true })
    }
  }

  #check<T>(task: HeadlessTask<T>, value: unknown): T {
    let validate = this.#validators.get(task.schema)
    if (!validate) {
      validate = this.#ajv.compile(task.schema)
      this.#validators.set(task.schema, validate)
    }
    if (validate(value)) return task.parse(value)
    const wrong = (validate.errors ?? [])
      .slice(0, 3)
      .map((error) => `${error.instancePath || 'the answer'} ${error.message ?? 'is wrong'}`)
    throw new Failure('agent_exited', `The answer does not fit the schema: ${wrong.join('; ')}.`)
  }
}
