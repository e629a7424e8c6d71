import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { Signals } from '../attempts/signals.ts'
import { parseWorkflow } from '../repositories/workflow.ts'
import { eventually, openLedger, putAttempt, putRepository, putTask } from '../testing/ledger-fixture.ts'
import { VerifyGate } from './verify-gate.ts'

async function arrange() {
  const { dir, ledger, redactor } = await openLedger()
  const worktree = join(dir, 'tree')
  await mkdir(worktree)
  const repository = putRepository(ledger, dir)
  const { round } = putTask(ledger, repository.id, { baseSha: 'b' })
  const attempt = putAttempt(ledger, round, repository.id, { worktree })
  const signals = new Signals()
  const gate = new VerifyGate({
    ledger,
    signals,
    clock: systemClock,
    redactor,
    logDir: join(dir, 'checks'),
    environment: async () => ({ PATH: process.env.PATH ?? '', HOME: dir }),
    parallel: 2,
  })
  const run = (yaml: string, signal = new AbortController().signal, head = 'h1') =>
    gate.run(attempt, head, parseWorkflow(`---\n${yaml}\n---\n`).checks, signal)
  return { ledger, worktree, attempt, signals, gate, run }
}

describe('the verify gate', () => {
  it('runs the commands in order in the worktree, and keeps exit code, log and the failures', async () => {
    const { run, worktree, gate, ledger, attempt } = await arrange()
    const checks = await run(
      [
        'verify:',
        '  - { name: one, run: "echo first >> order; exit 0" }',
        '  - { name: two, run: "echo second >> order; echo \\"$PWD/a.c:3: error: no\\" >&2; exit 3" }',
        '  - { name: three, run: "echo third >> order", required: false }',
      ].join('\n'),
    )
    expect(checks.map((check) => [check.name, check.status, check.exitCode, check.required])).toEqual([
      ['one', 'passed', 0, true],
      ['two', 'failed', 3, true],
      ['three', 'passed', 0, false],
    ])
    expect(checks[1]?.summary).toBe('✗ no (a.c:3)')
    expect(await gate.readLog(checks[1]?.id ?? '')).toContain('a.c:3: error: no')
    expect(await readFile(join(worktree, 'order'), 'utf8')).toBe('first\nsecond\nthird\n')
    expect(ledger.facts({ attemptId: attempt.id, kind: 'check.ended', limit: 9 })).toHaveLength(3)
  })

  it('runs those that say so beside each other', async () => {
    const { run } = await arrange()
    // Each waits for the other: one after the other they could never end.
    const checks = await run(
      [
        'verify:',
        '  parallel: true',
        '  checks:',
        '    - { name: a, run: "touch a; until [ -e b ]; do sleep 0.02; done", timeout_ms: 20000 }',
        '    - { name: b, run: "touch b; until [ -e a ]; do sleep 0.02; done", timeout_ms: 20000 }',
      ].join('\n'),
    )
    expect(checks.map((check) => check.status)).toEqual(['passed', 'passed'])
  })

  it('ends a check that takes too long together with what it started', async () => {
    const { run, worktree } = await arrange()
    const [check] = await run(
      'verify: [{ name: slow, run: "sleep 60 & echo $! > pid; wait", timeout_ms: 500 }]',
    )
    expect(check).toMatchObject({
      status: 'timed_out',
      summary: expect.stringContaining('Still running after 0.5 s.'),
    })
    const pid = Number(await readFile(join(worktree, 'pid'), 'utf8'))
    await eventually(() => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    }, 'the end of the child')
  })

  it('shows live what runs and what it prints, without secrets, and stops when asked', async () => {
    const { run, signals, gate, attempt, worktree } = await arrange()
    const token = `ghp_${'a'.repeat(36)}`
    await writeFile(join(worktree, 'say'), `\x1b[32mstep 7 ${token}\x1b[0m\n`)
    const done = run(
      'verify: [{ name: ok, run: "true" }, { name: long, run: "while :; do cat say; sleep 0.1; done" }, { name: never, run: "true" }]',
    )
    const seen = await eventually(() => {
      const now = signals.get(attempt.id)?.verify
      return now?.line ? now : null
    }, 'a line of the check')
    expect(seen).toEqual({ done: 1, total: 3, running: ['long'], line: 'step 7 [redacted]' })
    expect(gate.cancel(attempt.id)).toBe(true)
    expect((await done).map((check) => check.status)).toEqual(['passed', 'cancelled', 'cancelled'])
    expect(signals.get(attempt.id)?.verify).toBeNull()
    expect(gate.cancel(attempt.id)).toBe(false)
  })

  it('keeps the results of another head, and replaces those of the same', async () => {
    const { run, ledger, attempt } = await arrange()
    for (const head of ['h1', 'h2', 'h2']) await run('verify: [{ name: t, run: "true" }]', undefined, head)
    const rows = ledger.select('checks', 'attemptId = ?', attempt.id)
    expect(rows.map((row) => row.headSha).sort()).toEqual(['h1', 'h2'])
  })
})
