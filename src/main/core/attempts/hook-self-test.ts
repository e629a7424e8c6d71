import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../../shared/domain/failure.ts'
import type { Clock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Environment } from '../agents/driver.ts'
import type { HookListener, HookMessage } from '../agents/hook-listener.ts'

export interface HookSelfTestDeps {
  /** Not yet there while the core is put together. */
  hooks: () => HookListener
  /** Argv of the hook program. */
  hookCommand: readonly string[]
  runRoot: string
  environment: () => Promise<Environment>
  clock: Clock
}

const ANSWER_MS = 5_000
const PREFIX = 'selftest'

/** Runs the very program that agents run as their hook, and looks whether its report arrives. */
export class HookSelfTest {
  readonly #deps: HookSelfTestDeps
  readonly #waiting = new Map<string, () => void>()

  constructor(deps: HookSelfTestDeps) {
    this.#deps = deps
  }

  /** Takes a report of a test; false for one of an attempt. */
  hear(message: HookMessage): boolean {
    if (!message.attemptId.startsWith(`${PREFIX}_`)) return false
    this.#waiting.get(message.attemptId)?.()
    return true
  }

  /** Null when the report arrived, else why it did not, as one sentence. */
  async run(): Promise<string | null> {
    const { hooks, hookCommand, runRoot, environment, clock } = this.#deps
    const id = mintId(PREFIX, clock.now())
    const runDir = join(runRoot, id)
    const [program = '', ...args] = hookCommand
    await mkdir(runDir, { recursive: true, mode: 0o700 })
    const door = await hooks().open(id, runDir)
    try {
      const { promise, resolve } = Promise.withResolvers<boolean>()
      this.#waiting.set(id, () => resolve(true))
      const late = setTimeout(() => resolve(false), ANSWER_MS)
      const { PATH = '' } = await environment()
      const run = await exec(program, [...args, 'self-test'], {
        env: { PATH, QUARTET_HOOK_FILE: door.file },
        input: JSON.stringify({ hook_event_name: 'SelfTest' }),
        timeoutMs: ANSWER_MS,
      })
      if (run.code !== 0 || run.stdout.length > 0) resolve(false)
      const heard = await promise
      clearTimeout(late)
      if (heard) return null
      return run.code === 0 ? 'Its report did not arrive.' : `It ended with code ${run.code ?? 'none'}.`
    } catch (error) {
      return messageOf(error)
    } finally {
      this.#waiting.delete(id)
      await door.close()
      await rm(runDir, { recursive: true, force: true })
    }
  }
}
