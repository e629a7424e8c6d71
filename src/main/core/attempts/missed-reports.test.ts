import { execFileSync } from 'node:child_process'
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import type { HookMessage } from '../agents/hook-listener.ts'
import { openLedger } from '../testing/ledger-fixture.ts'
import { MissedReports } from './missed-reports.ts'

async function arrange() {
  const { dir, ledger, scope } = await openLedger()
  const messages: HookMessage[] = []
  const reports = new MissedReports({
    ledger,
    terminals: { onEvent: () => ({ dispose: () => {} }) },
    clock: systemClock,
    log: silentLogger,
    scope,
    runRoot: join(dir, 'run'),
    onMessage: (message) => messages.push(message),
  })
  const own = join(dir, 'run', 'att_1')
  await mkdir(own, { recursive: true })
  return { own, reports, messages, names: () => readdir(own) }
}
const line = (at: number, event: string) => `${JSON.stringify({ at, payload: { hook_event_name: event } })}\n`
const events = (messages: readonly HookMessage[]) =>
  messages.map(({ payload }) => (payload as { hook_event_name: string }).hook_event_name)

describe('reports that were left behind', () => {
  test('are brought in once, in their order, those of a core that died over them first', async () => {
    const { own, reports, messages, names } = await arrange()
    await writeFile(join(own, 'missed-taken.jsonl'), line(1, 'UserPromptSubmit'))
    await writeFile(join(own, 'missed.jsonl'), line(2, 'PreToolUse') + line(3, 'Stop'))
    await reports.bringIn('att_1')
    await reports.bringIn('att_1')
    expect(events(messages)).toEqual(['UserPromptSubmit', 'PreToolUse', 'Stop'])
    expect(messages.map(({ attemptId, at }) => [attemptId, at])).toEqual([1, 2, 3].map((at) => ['att_1', at]))
    expect(await names()).toEqual([])
  })

  test('that make no sense are left out, and cannot come from the future', async () => {
    const { own, reports, messages } = await arrange()
    const torn = line(5, 'Stop').slice(0, 20)
    const wrong = [
      'null',
      '[]',
      '{"at":-1,"payload":{}}',
      '{"at":"1","payload":{}}',
      '\u0000',
      '{"at":1e999}',
    ]
    await writeFile(join(own, 'missed.jsonl'), `${wrong.join('\n')}\n${line(1e15, 'Stop')}${torn}`)
    const before = Date.now()
    await reports.bringIn('att_1')
    expect(events(messages)).toEqual(['Stop'])
    expect(messages[0]?.at).toBeGreaterThanOrEqual(before)
    expect(messages[0]?.at).toBeLessThanOrEqual(Date.now())
  })

  test.each<[string, (path: string) => unknown]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path])],
    ['a link', (path) => symlink('/dev/zero', path)],
    ['a folder', (path) => mkdir(path)],
    ['a huge file', (path) => writeFile(path, line(1, 'Stop').repeat(50_000))],
  ])('are not read when they are %s, and do not hold anything up', async (_what, make) => {
    const { own, reports, messages, names } = await arrange()
    await make(join(own, 'missed.jsonl'))
    await reports.bringIn('att_1')
    expect(messages).toEqual([])
    expect(await names()).toEqual([])
    await writeFile(join(own, 'missed.jsonl'), line(1, 'Stop'))
    await reports.bringIn('att_1')
    expect(events(messages)).toEqual(['Stop'])
  })
})
