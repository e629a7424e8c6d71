import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findTree } from '../../kernel/process-tree.ts'
import { hostDir } from '../../pty-protocol/host-place.ts'
import type { PtyScreen } from '../../pty-protocol/pty-host.ts'
import type { KnownTerminal, Terminal } from './terminal.ts'
import type { Terminals } from './terminals.ts'
import { type Bench, HOST_ENTRY, startBench, until } from './test-terminals.ts'
import { strippedTail, transcriptTail } from './transcript.ts'

function known(terminal: Terminal): KnownTerminal {
  const { id, epoch, pid, pidStartedAt, cols, rows, logPath } = terminal
  return { id, epoch, pid, pidStartedAt, cols, rows, logPath }
}

async function lastScreen(terminals: Terminals, id: string): Promise<{ text: string; reason: string }> {
  let shown: PtyScreen | null = null
  return await new Promise((done, fail) => {
    terminals
      .attach(id, null, {
        screen: (screen) => {
          shown = screen
        },
        output: () => {},
        resized: () => {},
        exited: (exit) => done({ text: Buffer.from(shown?.data ?? []).toString(), reason: exit.reason }),
        failed: fail,
      })
      .grant(1_000_000)
  })
}

describe('terminals of a detached host', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await startBench()
  })
  afterAll(() => bench.stop())
  const sh = (script: string) => bench.spec('sh', ['-c', script])

  test('keep secret and socket to their user, and start no host to adopt nothing', async () => {
    expect(await bench.terminals.adopt([])).toEqual({
      adopted: [],
      ended: [],
      lost: [],
      unstarted: [],
      unknown: [],
    })
    await expect(stat(hostDir(bench.dir))).rejects.toThrow()
    const spec = sh('true')
    await bench.terminals.open(spec)
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    const mode = async (path: string) => (await stat(path)).mode & 0o777
    expect(await mode(hostDir(bench.dir))).toBe(0o700)
    expect(await mode(join(hostDir(bench.dir), 'secret'))).toBe(0o600)
    expect(await mode(join(hostDir(bench.dir), 'v1.sock'))).toBe(0o600)
    const secret = await readFile(join(hostDir(bench.dir), 'secret'))
    const pid = await bench.hostPid()
    for (const file of ['cmdline', 'environ']) {
      const text = await readFile(`/proc/${pid}/${file}`)
      expect(
        text.includes(secret) ||
          text.includes(secret.toString('hex')) ||
          text.includes(secret.toString('base64')),
      ).toBe(false)
    }
  })

  test('tell every end once, also of programs that end at once', async () => {
    const specs = Array.from({ length: 12 }, (_, i) => sh(`exit ${i}`))
    await Promise.all(specs.map((spec) => bench.terminals.open(spec)))
    await until(() => specs.every((spec) => bench.terminals.get(spec.id)?.state === 'exited'))
    for (const [i, spec] of specs.entries()) {
      const ends = bench.events.filter((event) => event.type === 'ended' && event.id === spec.id)
      expect(ends).toMatchObject([{ exit: { code: i, reason: 'exited' } }])
    }
  })

  test('take prompts once, and refuse them to a program that has ended', async () => {
    const spec = sh('stty -echo; read a; echo "<$a>"; read b; echo "<$b>"')
    await bench.terminals.open(spec)
    await bench.terminals.sendText(spec.id, 'first\u0003 answer')
    await bench.terminals.sendText(spec.id, 'second')
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    const log = await bench.terminals.readLog(spec.id, 0, 10_000)
    expect(log.bytes.toString()).toContain('<first answer>\r\n<second>')
    await expect(bench.terminals.sendText(spec.id, 'third')).rejects.toMatchObject({ code: 'agent_exited' })
  })

  test('confirm an input that is sent again after the end, when the program got it, and no other', async () => {
    const spec = sh('read a; exit 0')
    await bench.terminals.open(spec)
    const line = { writer: 'tile', seq: 1, bytes: Buffer.from('yes\r') }
    await bench.terminals.write(spec.id, line)
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    // The confirmation was lost with the window's wire.
    await bench.terminals.write(spec.id, line)
    await expect(bench.terminals.write(spec.id, { ...line, seq: 2 })).rejects.toMatchObject({
      code: 'agent_exited',
    })
  })

  test('are ended together within the time of one', async () => {
    const specs = Array.from({ length: 16 }, () => sh('sleep 1007 & exec sleep 1008'))
    await Promise.all(specs.map((spec) => bench.terminals.open(spec)))
    const started = performance.now()
    const reports = await Promise.all(specs.map((spec) => bench.terminals.kill(spec.id, 'test')))
    expect(performance.now() - started).toBeLessThan(6_000)
    expect(reports.flatMap((report) => report.survivors)).toEqual([])
    for (const spec of specs) expect(bench.terminals.get(spec.id)?.exit).toMatchObject({ reason: 'killed' })
  })

  test('give the tail of what a person read, drawn or stripped', async () => {
    const spec = sh("printf 'one\\ntwo\\rTWO\\n\\033[31mthree\\033[0m\\n\\033]0;t\\007four\\n'")
    await bench.terminals.open(spec)
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    expect(await transcriptTail(bench.terminals, spec.id, 3)).toBe('TWO\nthree\nfour')
    expect(await strippedTail(bench.terminals, spec.id, 2)).toBe('three\nfour')
    await expect(transcriptTail(bench.terminals, 'nobody', 2)).rejects.toMatchObject({
      code: 'terminal_missing',
    })
  })

  test('tell when what was written, and draw the screen of that moment again', async () => {
    const spec = sh("printf 'first'; sleep 1.2; printf '\\033[2J\\033[Hsecond'")
    await bench.terminals.open(spec)
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    const marks = await bench.terminals.readMarks(spec.id)
    const times = marks.filter((mark) => mark.k === 'time')
    expect(marks[0]).toMatchObject({ k: 'open', id: spec.id })
    expect(times.map((mark) => mark.offset)).toEqual([0, 5])
    expect((times[1]?.at ?? 0) - (times[0]?.at ?? 0)).toBeGreaterThan(1_000)
    const { end } = await bench.terminals.readLog(spec.id, 0, 0)
    expect(marks.at(-1)).toMatchObject({ k: 'exit', offset: end })
    const then = await bench.terminals.replay(spec.id, { want: 'text', scrollback: 10, until: 5 })
    const now = await bench.terminals.replay(spec.id, { want: 'text', scrollback: 10 })
    expect(Buffer.from(then.data).toString().trim()).toBe('first')
    expect(Buffer.from(now.data).toString()).toContain('second')
    await expect(bench.terminals.readMarks('nobody')).rejects.toMatchObject({ code: 'terminal_missing' })
  })

  test('keep what earlier lives wrote, each by itself', async () => {
    const id = 'lives'
    for (const epoch of [1, 2, 3]) {
      const logPath = join(bench.dir, `${id}-${epoch}.log`)
      await bench.terminals.open({ ...sh(`printf 'life ${epoch}'; exit ${epoch}`), id, epoch, logPath })
      await until(() => bench.terminals.get(id)?.exit?.code === epoch)
    }
    const said = async (epoch?: number) =>
      Buffer.from((await bench.terminals.readLog(id, 0, 100, epoch)).bytes).toString()
    expect([await said(1), await said(2), await said(3), await said()]).toEqual([
      'life 1',
      'life 2',
      'life 3',
      'life 3',
    ])
    expect(await said(7)).toBe('')
    expect((await bench.terminals.readMarks(id, 2)).at(-1)).toMatchObject({ k: 'exit', code: 2 })
    const drawn = await bench.terminals.replay(id, { want: 'text', scrollback: 10, epoch: 1 })
    expect(Buffer.from(drawn.data).toString()).toBe('life 1')
  })

  test('go on without a core, and are found again with pid, offset and exit code', async () => {
    const live = await bench.terminals.open(sh('echo up; exec sleep 1000'))
    const ends = await bench.terminals.open(sh('sleep 0.3; echo bye; exit 6'))
    const before = [known(live), known(ends)]
    const stranger = await bench.terminals.open(sh('exec sleep 1001'))
    const again = bench.restart()
    await new Promise((done) => setTimeout(done, 600))
    const report = await again.adopt([
      ...before,
      { ...known(live), id: 'never-heard-of', logPath: join(bench.dir, 'none.log') },
    ])
    expect(report.adopted.map((terminal) => [terminal.id, terminal.pid])).toEqual([
      [live.id, live.pid],
      [ends.id, ends.pid],
    ])
    await until(() => again.get(ends.id)?.state === 'exited')
    expect(again.get(ends.id)?.exit).toMatchObject({ code: 6, reason: 'exited' })
    expect(report.lost).toMatchObject([{ id: 'never-heard-of', state: 'lost', exit: { reason: 'lost' } }])
    expect(report.unknown.map((terminal) => terminal.id)).toContain(stranger.id)
    await Promise.all([again.kill(live.id, 'test'), again.kill(stranger.id, 'test')])
    expect(again.get(live.id)?.exit).toMatchObject({ reason: 'killed' })
  })

  test('with a dead host they are lost: screen and log stay, nothing of theirs runs on, a new host starts', async () => {
    const spec = sh(
      "printf 'the last \\033[1mwords\\033[0m'; trap '' HUP; (setsid sleep 1002 &); exec sleep 1003",
    )
    const terminal = await bench.terminals.open(spec)
    await until(async () =>
      (await bench.terminals.readLog(spec.id, 0, 100)).bytes.toString().includes('words'),
    )
    await until(async () => (await findTree(null, spec.id)).length >= 2)
    process.kill(await bench.hostPid(), 'SIGKILL')
    await until(() => bench.terminals.get(spec.id)?.state === 'lost')
    expect(bench.events.filter((event) => event.type === 'ended' && event.id === spec.id)).toMatchObject([
      { exit: { reason: 'lost' } },
    ])
    expect(
      await findTree({ pid: terminal.pid ?? 0, startedAt: terminal.pidStartedAt ?? '' }, spec.id),
    ).toEqual([])
    const shown = await lastScreen(bench.terminals, spec.id)
    expect(shown.reason).toBe('lost')
    expect(shown.text).toContain('the last \u001b[0;1mwords')
    expect(await bench.terminals.kill(spec.id, 'again')).toEqual({ signalled: 0, survivors: [] })
    const next = await bench.terminals.open(sh('exec sleep 1004'))
    expect(next.state).toBe('live')
    await bench.terminals.kill(next.id, 'test')
  })

  test('that ended while no host remembers are known by their log', async () => {
    const spec = sh('echo done; exit 9')
    const terminal = await bench.terminals.open(spec)
    await until(() => bench.terminals.get(spec.id)?.state === 'exited')
    await bench.terminals.forget(spec.id)
    const report = await bench.restart().adopt([known(terminal)])
    expect(report.ended).toMatchObject([
      { id: spec.id, state: 'exited', exit: { code: 9, reason: 'exited', offset: 6 } },
    ])
    expect(await lastScreen(bench.terminals, spec.id)).toMatchObject({
      text: expect.stringContaining('done'),
      reason: 'exited',
    })
  })

  test('of a host of another version go on there, can be ended, and new ones start on a new host', async () => {
    const own = await startBench()
    const args = [HOST_ENTRY, '--data-dir', own.dir, '--protocol', '0', '--idle-ms', '60000']
    try {
      const { openWith } = await import('./test-old-host.ts')
      const spec = own.spec('sh', ['-c', 'echo old; exec sleep 1005'])
      const old = await openWith(own.dir, 0, args, spec)
      const report = await own.terminals.adopt([known({ ...old, state: 'live' })])
      expect(report.adopted).toMatchObject([{ id: spec.id, state: 'live', pid: old.pid }])
      await expect(own.terminals.sendText(spec.id, 'x')).rejects.toMatchObject({ code: 'illegal_state' })
      const fresh = await own.terminals.open(own.spec('sh', ['-c', 'exec sleep 1006']))
      expect(fresh.state).toBe('live')
      await own.terminals.kill(spec.id, 'test')
      expect(own.terminals.get(spec.id)).toMatchObject({ state: 'exited', exit: { reason: 'killed' } })
      await until(() =>
        stat(join(hostDir(own.dir), 'host-v0.json')).then(
          () => false,
          () => true,
        ),
      )
      await own.terminals.kill(fresh.id, 'test')
    } finally {
      await own.stop()
    }
  })

  test('live in a data directory with a path too long for a socket', async () => {
    const own = await startBench()
    const dir = join(own.dir, 'x'.repeat(90), 'ü'.repeat(40))
    const { openTerminals } = await import('./test-terminals.ts')
    const terminals = openTerminals(dir)
    try {
      const spec = own.spec('sh', ['-c', 'exit 2'])
      await terminals.open(spec)
      await until(() => terminals.get(spec.id)?.state === 'exited')
      expect(terminals.get(spec.id)?.exit?.code).toBe(2)
    } finally {
      terminals.dispose()
      // Without client and program the host leaves by itself.
      await until(() =>
        stat(join(hostDir(dir), 'host-v1.json')).then(
          () => false,
          () => true,
        ),
      )
      await rm(dir, { recursive: true, force: true })
      await own.stop()
    }
  })
})
