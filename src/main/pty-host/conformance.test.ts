import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findTree } from '../kernel/process-tree.ts'
import { readMarks } from '../pty-protocol/log-files.ts'
import type { PtyEvent, PtySpec } from '../pty-protocol/pty-host.ts'
import {
  recorder,
  specOf,
  startDetachedHost,
  startLocalHost,
  sumOfLog,
  type TestHost,
  TestReader,
  until,
} from './test-host.ts'

/** Larger floods: QUARTET_SOAK=10 multiplies them. */
const SOAK = Number(process.env.QUARTET_SOAK ?? 1)

for (const [name, start] of [
  ['in this process', startLocalHost],
  ['detached, behind its socket', startDetachedHost],
] as const) {
  describe(`a pty-host ${name}`, () => {
    let it: TestHost
    const events: PtyEvent[] = []
    beforeAll(async () => {
      it = await start()
      it.host.onEvent((event) => events.push(event))
    })
    afterAll(() => it.stop())
    afterEach(() => expect(TestReader.faults).toEqual([]))

    const sh = (script: string, more: Partial<PtySpec> = {}) => specOf(it.dir, 'sh', ['-c', script], more)
    const endOf = (id: string) =>
      until(() => {
        const event = events.find((one) => one.id === id && one.type === 'exit')
        return event?.type === 'exit' ? event.exit : null
      })
    const run = async (spec: PtySpec) => {
      await it.host.create(spec)
      return await endOf(spec.id)
    }

    test('tells the exit code after the last byte, and keeps log, index and screen', async () => {
      const spec = sh('printf "hello\\n"; exit 7')
      await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      const exit = await endOf(spec.id)
      expect(exit).toMatchObject({ code: 7, signal: null, reason: 'exited', offset: 7 })
      await until(() => reader.end)
      expect(reader.end).toEqual(exit)
      expect(await readFile(spec.logPath, 'latin1')).toBe('hello\r\n')
      expect((await stat(spec.logPath)).mode & 0o777).toBe(0o600)
      const marks = await readMarks(spec.logPath)
      expect(marks[0]).toMatchObject({ k: 'open', id: spec.id, epoch: 1, cols: 80, rows: 24 })
      expect(marks.at(-1)).toMatchObject({ k: 'exit', code: 7, reason: 'exited', offset: 7 })
      const late = new TestReader(it.host, spec.id)
      await until(() => late.end)
      expect(Buffer.from(late.screens[0]!.data).toString()).toContain('hello')
      expect((await it.host.list()).find((info) => info.id === spec.id)).toMatchObject({
        state: 'exited',
        exit,
      })
    })

    test('refuses a missing program, a missing folder, an unknown terminal, and a log that exists', async () => {
      await expect(it.host.create(specOf(it.dir, 'no-such-program', []))).rejects.toMatchObject({
        code: 'agent_missing',
      })
      await expect(it.host.create(sh('true', { cwd: join(it.dir, 'gone') }))).rejects.toMatchObject({
        code: 'worktree_missing',
      })
      await expect(it.host.resize('nobody', 80, 24)).rejects.toMatchObject({ code: 'terminal_missing' })
      const reader = new TestReader(it.host, 'nobody')
      expect(await until(() => reader.failure)).toMatchObject({ code: 'terminal_missing' })
      const spec = sh('true')
      await run(spec)
      await expect(it.host.create({ ...spec, id: `${spec.id}-again` })).rejects.toMatchObject({
        code: 'illegal_state',
      })
    })

    test('starts one life once, however often it is asked for; another life only after it', async () => {
      const spec = sh('sleep 100')
      const starts = [it.host.create(spec), it.host.create(spec)]
      const listed = (await it.host.list()).find((info) => info.id === spec.id)
      const [one, two] = await Promise.all(starts)
      expect(two?.pid).toBe(one?.pid)
      // One that is under way is waited for: a core that comes up after one that died over it must hear of it.
      expect(listed?.pid).toBe(one?.pid)
      const next = { ...spec, epoch: 2, logPath: `${spec.logPath}-2` }
      await expect(it.host.create(next)).rejects.toMatchObject({ code: 'illegal_state' })
      await expect(it.host.forget(spec.id)).rejects.toMatchObject({ code: 'illegal_state' })
      await it.host.kill(spec.id, 'test')
      expect(await endOf(spec.id)).toMatchObject({ reason: 'killed' })
      expect((await it.host.create(next)).epoch).toBe(2)
      await it.host.kill(spec.id, 'test')
      await it.host.kill(spec.id, 'test')
      await it.host.forget(spec.id)
      expect((await it.host.list()).some((info) => info.id === spec.id)).toBe(false)
    })

    test('carries every byte, unchanged, to the log and to a reader', async () => {
      const sum = join(it.dir, 'all.sum')
      const size = 1_000_000 * SOAK
      const spec = specOf(it.dir, 'sh', recorder(size, sum))
      await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id, null, 1e9)
      const exit = await endOf(spec.id)
      expect(exit.offset).toBe(size)
      expect(await sumOfLog(spec.logPath)).toBe(await readFile(sum, 'utf8'))
      await until(() => reader.end)
      const log = await readFile(spec.logPath)
      // A reader that kept up has everything; one that did not was redrawn, and is exact from there on.
      const from = reader.screens.at(-1)!.offset
      expect(Buffer.concat(reader.chunks.map((chunk) => chunk.bytes)).equals(log.subarray(from))).toBe(true)
    })

    test('types each numbered input once and in order, also to a program that reads late', async () => {
      const spec = sh('stty raw -echo; printf ready; sleep 0.3; head -c 40000 | sha256sum; exec cat')
      await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      await until(() => reader.text.includes('ready'))
      const parts = Array.from({ length: 40 }, (_, i) => Buffer.alloc(1_000, 97 + (i % 26)))
      for (const [i, bytes] of parts.entries()) {
        await it.host.write(spec.id, { writer: 'me', seq: i + 1, bytes })
        await it.host.write(spec.id, { writer: 'me', seq: i + 1, bytes })
      }
      const sum = createHash('sha256').update(Buffer.concat(parts)).digest('hex')
      await until(() => reader.text.includes(sum))
      await it.host.write(spec.id, { writer: 'me', seq: 41, bytes: Buffer.from('marker') })
      await it.host.write(spec.id, { writer: 'other', seq: 1, bytes: Buffer.from('!') })
      await until(() => reader.text.endsWith('marker!'))
      await it.host.kill(spec.id, 'test')
      await expect(
        it.host.write(spec.id, { writer: 'me', seq: 42, bytes: Buffer.from('x') }),
      ).rejects.toMatchObject({
        code: 'agent_exited',
      })
    })

    test('refuses input that a deaf program would pile up, and lets no later input overtake it', async () => {
      const spec = sh('stty raw -echo; exec sleep 100')
      await it.host.create(spec)
      const block = Buffer.alloc(1024 * 1024, 120)
      for (let seq = 1; seq <= 3; seq++) await it.host.write(spec.id, { writer: 'me', seq, bytes: block })
      await expect(
        it.host.write(spec.id, { writer: 'me', seq: 4, bytes: Buffer.alloc(2e6) }),
      ).rejects.toMatchObject({
        code: 'limit',
      })
      await expect(
        it.host.write(spec.id, { writer: 'me', seq: 5, bytes: Buffer.from('y') }),
      ).rejects.toMatchObject({
        code: 'limit',
        data: { next: 4 },
      })
      await it.host.kill(spec.id, 'test')
    })

    test('pastes in brackets when asked to, without controls, with Enter as a write of its own', async () => {
      const read =
        'stty raw -echo; printf "$1ready"; for i in 1 2; do dd bs=4096 count=1 2>/dev/null | od -An -tx1 -w4096; done'
      const spec = specOf(it.dir, 'sh', ['-c', read, 'sh', '\\033[?2004h'])
      await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      await until(() => reader.text.includes('ready'))
      await it.host.paste(spec.id, 'a\u001b[201~b\u0003\nc', { submit: true, writer: 'p', seq: 1 })
      await endOf(spec.id)
      await until(() => reader.end)
      const hex = (text: string) => Buffer.from(text).toString('hex').replace(/../g, ' $&')
      expect(reader.text).toContain(hex('\u001b[200~ab\rc\u001b[201~'))
      expect(reader.text.trimEnd().endsWith(' 0d')).toBe(true)
    })

    test('changes the size in the order of the stream and tells the program', async () => {
      const spec = sh(
        "stty raw -echo; trap 'stty size; exit 0' WINCH; printf ready; while :; do sleep 0.05; done",
      )
      await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      await until(() => reader.text.includes('ready'))
      await it.host.resize(spec.id, 101, 33)
      await endOf(spec.id)
      await until(() => reader.end)
      expect(reader.text).toContain('33 101')
      expect(reader.sizes).toEqual(['101x33@5'])
      expect(await readMarks(spec.logPath)).toContainEqual(
        expect.objectContaining({ k: 'size', cols: 101, rows: 33, offset: 5 }),
      )
      const late = new TestReader(it.host, spec.id)
      await until(() => late.end)
      expect(late.screens[0]).toMatchObject({ cols: 101, rows: 33 })
    })

    test('goes on at an offset that it still has, and draws anew from one that it has not', async () => {
      const spec = sh('stty raw -echo; printf 0123456789; exec cat')
      await it.host.create(spec)
      const first = new TestReader(it.host, spec.id)
      await until(() => first.at === 10)
      const back = new TestReader(it.host, spec.id, { epoch: 1, offset: 4 })
      await until(() => back.at === 10)
      expect(back.screens).toMatchObject([{ mode: 'resume', offset: 4 }])
      expect(Buffer.concat(back.chunks.map((chunk) => chunk.bytes)).toString()).toBe('456789')
      const otherLife = new TestReader(it.host, spec.id, { epoch: 9, offset: 4 })
      await until(() => otherLife.at === 10)
      expect(otherLife.screens).toMatchObject([{ mode: 'snapshot' }])
      await it.host.kill(spec.id, 'test')
    })

    test('never waits for a frozen reader, and redraws it when it wakes', async () => {
      const sum = join(it.dir, 'frozen.sum')
      const size = 1_500_000 * SOAK
      const spec = specOf(it.dir, 'sh', recorder(size, sum, 'stty sane; printf "\\033c""the end"'))
      await it.host.create(spec)
      const frozen = new TestReader(it.host, spec.id, null, 10_000)
      frozen.frozen = true
      const exit = await endOf(spec.id)
      expect(frozen.total).toBeLessThanOrEqual(10_000)
      expect(frozen.end).toBeNull()
      frozen.grant(1e6)
      await until(() => frozen.end)
      expect(frozen.screens.at(-1)).toMatchObject({ mode: 'snapshot', offset: exit.offset })
      expect(Buffer.from(frozen.screens.at(-1)!.data).toString()).toContain('the end')
    })

    test('ends whole trees: new sessions, double forks, nohup, deaf ones, and forks during the kill', async () => {
      const script = `
        trap '' HUP INT TERM
        setsid sleep 1001 &
        nohup sleep 1002 >/dev/null 2>&1 &
        (setsid sh -c "trap '' HUP TERM; sleep 1003 & sleep 1004" &)
        (while :; do sleep 0.01 & sleep 0.01; done) &
        printf ready
        sleep 1005; sleep 1006`
      const spec = sh(script)
      const info = await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      await until(() => reader.text.includes('ready'))
      const root = { pid: info.pid, startedAt: info.pidStartedAt }
      await until(async () => (await findTree(root, spec.id)).length >= 6)
      const started = performance.now()
      const report = await it.host.kill(spec.id, 'test')
      expect(performance.now() - started).toBeLessThan(6_000)
      expect(report.survivors).toEqual([])
      expect(report.signalled).toBeGreaterThanOrEqual(6)
      expect(await findTree(root, spec.id)).toEqual([])
      expect(await endOf(spec.id)).toMatchObject({ reason: 'killed' })
    })

    test('answers queries, and tells titles, bells and notices as plain text', async () => {
      const spec = sh(
        'stty raw -echo; printf "\\033]2;ti\\342\\200\\256tle\\001\\007\\007\\033]9;please look\\007\\033[c"; head -c 7 | od -An -c; sleep 0.3',
      )
      await it.host.create(spec)
      const reader = new TestReader(it.host, spec.id)
      await endOf(spec.id)
      expect(reader.text.replace(/\s+/g, ' ')).toContain('033 [ ? 1 ; 2 c')
      const own = events.filter((event) => event.id === spec.id)
      expect(own).toContainEqual(expect.objectContaining({ type: 'title', title: 'title' }))
      expect(own.some((event) => event.type === 'bell')).toBe(true)
      expect(own).toContainEqual(expect.objectContaining({ type: 'notice', text: 'please look' }))
      expect(own).toContainEqual(expect.objectContaining({ type: 'activity' }))
    })

    test('draws a log as screen and as text without typing anything', async () => {
      const spec = sh('stty -echo; printf "one\\ntwo\\033[31m red\\033[0m\\033[c\\033[6n\\n"; stty size')
      await run(spec)
      const base = { logPath: spec.logPath, cols: 80, rows: 24, scrollback: 100 }
      const text = await it.host.replay({ ...base, want: 'text' })
      expect(Buffer.from(text.data).toString()).toBe('one\ntwo red\n24 80')
      const until5 = await it.host.replay({ ...base, want: 'text', until: 5 })
      expect(Buffer.from(until5.data).toString()).toBe('one')
      const screen = await it.host.replay({ ...base, want: 'screen' })
      expect(Buffer.from(screen.data).toString()).toContain('\u001b[0;31m red')
      expect((await readFile(spec.logPath)).length).toBe(screen.offset)
    })
  })
}
