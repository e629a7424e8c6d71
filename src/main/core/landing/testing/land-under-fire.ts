import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Attempt } from '../../../../shared/domain/attempt.ts'
import { sh } from '../../git/fixtures.ts'

// kill -9 of the process that lands, once in every phase and at every moment that differs: right when the phase was
// entered, when all of it is done and only the record of that is missing, and while a git, a check or a request of ours is
// at work, which then outlives the process. What is left over differs each time, the end must not.

/** The child that outlived one process is let go while the next one is at work. */
const THAW_MS = 300

/** See land-process.ts. */
export type Mode = 'entered' | 'leaving' | 'within' | 'unmarked'

export interface Killed {
  /** The moments in which it was killed, in order. */
  at: string[]
  code: number | null
  /** What the last one said. */
  said: string
}

export interface Fire {
  dir: string
  url: string
  mode: Mode
  /** Plays the world around it, again and again. */
  each?: () => Promise<void>
  /** Hears of each process that is started. */
  started?: (child: ChildProcess, die: (moment: string) => void) => void
}

/** Starts the landing process again and again until it ends by itself. */
export async function landUnderFire({ dir, url, mode, each, started }: Fire): Promise<Killed> {
  const program = join(import.meta.dirname, 'land-process.ts')
  const at: string[] = []
  let frozen: number | null = null
  const thaw = () => {
    try {
      if (frozen !== null) process.kill(frozen, 'SIGCONT')
    } catch {
      // The next process has ended it already.
    }
    frozen = null
  }
  onTestFinished(thaw)
  for (;;) {
    const child = spawn(process.execPath, [program, dir, url, mode, at.join(',')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    let struck = ''
    started?.(child, (moment) => {
      if (at.includes(moment) || struck !== '') return
      struck = moment
      child.kill('SIGKILL')
    })
    let said = ''
    child.stdout.on('data', (chunk: Buffer) => {
      if (said === '') setTimeout(thaw, THAW_MS)
      said += chunk.toString()
    })
    // `close` comes after the last byte of its output.
    let over = false
    const ended = new Promise<number | null>((resolve) =>
      child.once('close', (code) => {
        over = true
        resolve(code)
      }),
    )
    while (!over) {
      await each?.()
      await pause(50)
    }
    const code = await ended
    thaw()
    const [, moment = '', pid = ''] = /^up\n(\S+) (\d*)\n$/.exec(said) ?? ['', struck]
    if (code !== null || moment === '' || at.includes(moment)) return { at, code, said }
    if (pid !== '') frozen = Number(pid)
    at.push(moment)
  }
}

/** What a landing leaves of an attempt: nothing. */
export function expectGone(repo: string, attempt: Attempt) {
  expect(existsSync(attempt.worktree)).toBe(false)
  expect(sh(repo, 'branch', '--list', 'quartet/*')).toBe('')
  expect(sh(repo, 'status', '--porcelain')).toBe('')
}
