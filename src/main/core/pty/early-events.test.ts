import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { readLock } from '../../kernel/lock-file.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { descriptorPath } from '../../pty-protocol/host-place.ts'
import { PROTOCOL_VERSION } from '../../pty-protocol/messages.ts'
import type { PtyHost } from '../../pty-protocol/pty-host.ts'
import { Launcher } from './launcher.ts'
import type { TerminalEvent } from './terminal.ts'
import { Terminals } from './terminals.ts'
import { HOST_ENTRY, until } from './test-terminals.ts'

/** The same host, whose answer to `create` tells of the very start, and comes only after what the program did then has been heard. */
function lateAnswers(host: PtyHost, heard: (id: string) => Promise<unknown>): PtyHost {
  return new Proxy(host, {
    get(target, name) {
      if (name === 'create')
        return async (spec: Parameters<PtyHost['create']>[0]) => {
          const info = await target.create(spec)
          await heard(spec.id)
          return { ...info, offset: 0, title: '', lastOutputAt: null }
        }
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

test('what a program did before the answer to its start is known after it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'quartet-early-'))
  const launcher = new Launcher({
    dataDir: dir,
    entry: HOST_ENTRY,
    nodePath: process.execPath,
    electron: false,
    log: silentLogger,
    clock: systemClock,
    env: process.env,
    idleMs: 200,
  })
  const host = await launcher.ensure()
  const seen = new Set<string>()
  const listener = host.onEvent((event) => seen.add(event.type))
  const late = lateAnswers(host, () => until(() => seen.has('title') && seen.has('activity')))
  const terminals = new Terminals({
    hosts: { find: () => launcher.find(), ensure: async () => late, died: () => launcher.died() },
    clock: systemClock,
    log: silentLogger,
  })
  onTestFinished(async () => {
    listener.dispose()
    await terminals.kill('early', 'the test is over')
    terminals.dispose()
    host.dispose()
    // Without client and program the host leaves by itself, and writes that it does.
    await until(async () => (await readLock(descriptorPath(dir, PROTOCOL_VERSION))) === null)
    await rm(dir, { recursive: true, force: true })
  })
  const events: TerminalEvent[] = []
  terminals.onEvent((event) => events.push(event))
  // It writes once and says nothing more: nothing that comes later could make up for what was missed.
  const terminal = await terminals.open({
    id: 'early',
    epoch: 1,
    file: 'sh',
    args: ['-c', 'printf "\\033]0;at work\\007ready"; exec sleep 60'],
    cwd: dir,
    env: { PATH: process.env.PATH ?? '/usr/bin:/bin' },
    cols: 80,
    rows: 24,
    logPath: join(dir, 'early.log'),
  })
  await until(() => terminal.offset > 0)
  expect(terminals.get('early')).toMatchObject({ title: 'at work', offset: 17 })
  expect(events.map((event) => event.type)).toEqual(expect.arrayContaining(['activity', 'title']))
})
