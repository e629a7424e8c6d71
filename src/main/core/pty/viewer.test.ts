import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLogger } from '../../kernel/logger.ts'
import { type Bench, logSum, scribe, startBench, TestClient, until } from './test-terminals.ts'
import { connectViewer } from './viewer.ts'

/** Eight times 12.5 MB; QUARTET_SOAK=10 floods a gigabyte. */
const SOAK = Number(process.env.QUARTET_SOAK ?? 1)

describe('a viewer of terminals', () => {
  let bench: Bench
  beforeAll(async () => {
    bench = await startBench()
  })
  afterAll(() => bench.stop())

  const connect = () => {
    const client = new TestClient()
    connectViewer({ channel: client, terminals: bench.terminals, log: silentLogger })
    return client
  }
  const openShell = async (script: string) => {
    const spec = bench.spec('sh', ['-c', script])
    await bench.terminals.open(spec)
    return spec.id
  }

  test('shows a terminal, types into it once per number, and tells its end', async () => {
    const id = await openShell('stty -echo; echo ready; read a; echo "got <$a>"; exit 4')
    const client = connect()
    client.open(7, id, { focused: true })
    await until(() => client.text(7).includes('ready'))
    expect(client.find('opened', 7)).toMatchObject({ mode: 'snapshot', epoch: 1, cols: 80, rows: 24 })
    client.say({ kind: 'input', viewId: 7, seq: 1, bytes: Buffer.from('one ') })
    client.say({ kind: 'input', viewId: 7, seq: 1, bytes: Buffer.from('one ') })
    await until(() => client.find('inputAck', 7))
    // The same typist after a reconnect: what was acknowledged or not, sent again, counts once.
    client.close()
    const again = connect()
    again.open(9, id, { writer: 'writer-7', from: { epoch: 1, offset: client.at.get(7) ?? 0 } })
    again.say({ kind: 'input', viewId: 9, seq: 1, bytes: Buffer.from('one ') })
    again.say({ kind: 'input', viewId: 9, seq: 2, bytes: Buffer.from('two\r') })
    const exited = await until(() => again.find('exited', 9))
    expect(again.find('opened', 9)).toMatchObject({ mode: 'resume' })
    expect(again.text(9) + client.text(7)).toContain('ready')
    expect((await bench.terminals.readLog(id, 0, 1e5)).bytes.toString()).toContain('got <one two>')
    expect(exited).toMatchObject({ exitCode: 4, signal: null, reason: 'exited', offset: again.at.get(9) })
    // One that comes after the end sees the last screen and the end.
    const late = connect()
    late.open(1, id)
    await until(() => late.find('exited', 1))
    expect(late.text(1)).toContain('got <one two>')
  })

  test('says when there is no such terminal, and closes on a damaged frame', async () => {
    const client = connect()
    client.open(1, 'nobody')
    expect(await until(() => client.find('error', 1))).toMatchObject({ code: 'terminal_missing' })
    client.sayRaw(Uint8Array.of(99, 1, 2))
    expect(client.closed).toBe(true)
  })

  test('gives the size to the view that was focused last, and back when it goes', async () => {
    const id = await openShell('exec sleep 1000')
    const size = () => {
      const terminal = bench.terminals.get(id)
      return `${terminal?.cols}x${terminal?.rows}`
    }
    const [desk, phone] = [connect(), connect()]
    desk.open(1, id, { cols: 120, rows: 40, focused: true })
    await until(() => size() === '120x40')
    phone.open(1, id, { cols: 50, rows: 60 })
    await until(() => phone.find('opened', 1))
    phone.say({ kind: 'resize', viewId: 1, cols: 55, rows: 60 })
    desk.say({ kind: 'resize', viewId: 1, cols: 121, rows: 40 })
    await until(() => size() === '121x40')
    phone.say({ kind: 'focus', viewId: 1, focused: true, visible: true })
    await until(() => size() === '55x60')
    await until(() => desk.find('resized', 1)?.cols === 55)
    phone.close()
    await until(() => size() === '121x40')
    await bench.terminals.kill(id, 'test')
  })

  test('sends hidden views nothing, others little, and the focused one first', async () => {
    const ids = await Promise.all(
      Array.from({ length: 5 }, () =>
        openShell('stty -echo; head -c 3000000 /dev/zero | tr "\\0" "x"; echo end; exec sleep 1000'),
      ),
    )
    const client = connect()
    client.frozen = true
    ids.forEach((id, i) => {
      client.open(i, id, { focused: i === 0, visible: i !== 4 })
    })
    // Every view has all it may have in flight once the programs have written everything.
    await until(() => ids.every((id) => (bench.terminals.get(id)?.offset ?? 0) >= 3_000_000))
    await until(() => [0, 1, 2, 3].every((i) => (client.inFlight.get(i) ?? 0) > 0))
    expect(client.inFlight.get(4)).toBeUndefined()
    const others = [1, 2, 3].reduce((sum, i) => sum + (client.inFlight.get(i) ?? 0), 0)
    // A snapshot may overdraw once: a screen without history, while they flood.
    expect(others).toBeLessThanOrEqual(256 * 1024 + 3 * 200 * 1024)
    client.thaw()
    await until(() => [0, 1, 2, 3].every((i) => client.text(i).includes('end')))
    client.say({ kind: 'focus', viewId: 4, focused: false, visible: true })
    await until(() => client.text(4).includes('end'))
    await Promise.all(ids.map((id) => bench.terminals.kill(id, 'test')))
  })

  test(
    'floods: nothing is lost on disk, frozen and reconnecting viewers slow nobody, memory stays bounded',
    async () => {
      const size = Math.round(12_500_000 * SOAK)
      const runs = Array.from({ length: 8 }, (_, i) => {
        const sum = join(bench.dir, `flood-${i}.sum`)
        return { sum, spec: bench.spec('sh', scribe(size, sum)) }
      })
      const frozen = connect()
      frozen.frozen = true
      let reader = connect()
      await Promise.all(runs.map(({ spec }) => bench.terminals.open(spec)))
      const pid = await bench.hostPid()
      runs.forEach(({ spec }, i) => {
        frozen.open(i, spec.id)
        reader.open(i, spec.id, { focused: i === 0 })
      })
      let rss = 0
      let reconnects = 0
      await until(async () => {
        const status = await readFile(`/proc/${pid}/status`, 'utf8')
        rss = Math.max(rss, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]))
        // Reconnects all the time, going on where it was.
        const places = new Map(reader.at)
        reader.close()
        reader = connect()
        reconnects++
        runs.forEach(({ spec }, i) => {
          const offset = places.get(i)
          reader.open(i, spec.id, {
            focused: i === 0,
            from: offset === undefined ? null : { epoch: 1, offset },
          })
        })
        await new Promise((done) => setTimeout(done, 100))
        return runs.every(({ spec }) => bench.terminals.get(spec.id)?.state === 'exited')
      }, 150_000 * SOAK)
      for (const { spec, sum } of runs) {
        expect(bench.terminals.get(spec.id)?.exit).toMatchObject({ code: 0, offset: size })
        expect(await logSum(spec.logPath)).toBe(await readFile(sum, 'utf8'))
      }
      expect(reconnects).toBeGreaterThan(1)
      expect(frozen.peak).toBeLessThan(2 * 1024 * 1024)
      // Node itself, its compiler for TypeScript, eight emulators, eight rings and what is under way.
      expect(rss).toBeLessThan(450 * 1024)
      await until(() => runs.every((_, i) => reader.find('exited', i)))
      frozen.thaw()
      await until(() => runs.every((_, i) => frozen.find('exited', i)))
    },
    180_000 * SOAK,
  )
})
