import { type ChildProcess, spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { silentLogger } from '../../kernel/logger.ts'
import { Random, seedOfRun } from '../../pty-protocol/test-random.ts'
import type { KnownTerminal, Terminal, TerminalRegistry } from './terminal.ts'
import { type Bench, logSum, startBench, TEST_ENV, until } from './test-terminals.ts'
import { TestWindow } from './test-window.ts'
import { wireChannel } from './test-wire.ts'
import { connectViewer } from './viewer.ts'

const KILLS = 50
/** What is typed and resized between two kills, on average. */
const STEPS_PER_KILL = 5
/** From when a kill is due to the kill: shorter and longer than a core needs to start, to catch up, and to type. */
const KILL_WITHIN_MS = 300
const COLS = 80
const ROWS = 24

/** One thing that a person does: types a line, or gives the terminal another size once the program waits for it. */
type Step = { line: string; size: { cols: number; rows: number } | null }

function stepsOf(random: Random): Step[] {
  return Array.from({ length: KILLS * STEPS_PER_KILL }, (_, i) => {
    if (random.upTo(4) === 0) {
      const size = { cols: random.between(30, 120), rows: random.between(8, 40) }
      return { line: `s ${i} ${size.cols} ${size.rows}\n`, size }
    }
    // Mostly short; now and then more than the kernel takes at once.
    const length = random.upTo(12) === 0 ? random.between(5_000, 20_000) : random.between(1, 80)
    return { line: `t ${i} ${'typed '.repeat(length / 6)}${random.upTo(1e9)}\n`, size: null }
  })
}

/** Goes through `steps` as fast as the program follows; `gate` is waited for before each. */
async function perform(window: TestWindow, steps: readonly Step[], gate: (step: number) => Promise<void>) {
  await until(() => window.title !== '')
  for (const [i, { line, size }] of steps.entries()) {
    await gate(i)
    window.type(line)
    if (!size) continue
    // It wants nothing when it happens to have that size.
    await until(() => window.title === `wants ${i}` || window.title === `did ${i}`)
    window.resize(size.cols, size.rows)
    await until(() => window.title === `did ${i}`)
  }
  await until(() => window.title === `did ${steps.length - 1}`)
}

function actor(bench: Bench) {
  const script = resolve(import.meta.dirname, 'test-actor.ts')
  const env = { ...TEST_ENV, NODE_NO_WARNINGS: '1' }
  const args = ['-c', 'stty raw -echo; exec "$0" "$1"', process.execPath, script]
  return bench.spec('sh', args, { env, cols: COLS, rows: ROWS })
}

function known(terminal: Terminal): KnownTerminal {
  const { id, epoch, pid, pidStartedAt, cols, rows, logPath } = terminal
  return { id, epoch, pid, pidStartedAt, cols, rows, logPath }
}

/** Ends the program and gives all that can be seen of it afterwards. */
async function outcome(terminals: TerminalRegistry, id: string, window: TestWindow) {
  window.type('q\n')
  await until(() => window.end)
  await window.settled()
  const { logPath } = terminals.get(id) ?? { logPath: '' }
  const late = new TestWindow(id, COLS, ROWS)
  show(terminals, late)
  await until(() => late.end)
  await late.settled()
  const marks = await terminals.readMarks(id)
  const drawn = await terminals.replay(id, { want: 'text', scrollback: 10_000 })
  return {
    end: window.end && { ...window.end, viewId: 0 },
    // The window may have been drawn anew with fewer lines above; the screen itself is exact.
    screen: window.screen.describe(0),
    lateScreen: late.screen.describe(),
    log: await logSum(logPath),
    sizes: marks.flatMap((mark) => (mark.k === 'size' ? [`${mark.cols}x${mark.rows}`] : [])),
    text: Buffer.from(drawn.data).toString(),
    faults: [...window.faults, ...late.faults],
  }
}

/** Connects a window to the core of this process. */
function show(terminals: TerminalRegistry, window: TestWindow): void {
  let toWindow: (bytes: Uint8Array) => void = () => {}
  let toCore: (bytes: Uint8Array) => void = () => {}
  connectViewer({
    terminals,
    log: silentLogger,
    channel: {
      send: (bytes) => toWindow(bytes),
      onMessage: (listener) => {
        toCore = listener
      },
      onClose: () => {},
      close: () => {},
    },
  })
  window.connect({
    send: (bytes) => toCore(bytes),
    onMessage: (listener) => {
      toWindow = listener
    },
    onClose: () => {},
    close: () => {},
  })
}

/** A core in a process of its own, at the other end of whose streams the window sits. */
function startCore(bench: Bench, terminal: KnownTerminal, window: TestWindow): ChildProcess {
  const script = resolve(import.meta.dirname, 'test-core.ts')
  const child = spawn(process.execPath, [script, bench.dir, JSON.stringify(terminal)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  window.connect(wireChannel(child.stdout!, child.stdin!))
  return child
}

async function endOf(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null)
    await new Promise((done) => child.once('exit', done))
}

let bench: Bench
beforeAll(async () => {
  bench = await startBench()
})
afterAll(() => bench.stop())

test('a core killed at random moments, fifty times, under output, input and resize: screen and transcript are those of an undisturbed run', async () => {
  const seed = seedOfRun()
  const random = new Random(seed)
  const steps = stepsOf(random)
  const why = `QUARTET_SEED=${seed}`

  const calm = actor(bench)
  await bench.terminals.open(calm)
  const calmWindow = new TestWindow(calm.id, COLS, ROWS)
  show(bench.terminals, calmWindow)
  await perform(calmWindow, steps, async () => {})
  const expected = await outcome(bench.terminals, calm.id, calmWindow)
  expect(expected.faults, why).toEqual([])

  const harried = actor(bench)
  const terminal = known(await bench.terminals.open(harried))
  const window = new TestWindow(harried.id, COLS, ROWS)
  let kills = 0
  let started = 0
  const performed = perform(window, steps, async (step) => {
    started = step
    await until(() => kills >= Math.floor(step / STEPS_PER_KILL))
  })
  let core = startCore(bench, terminal, window)
  for (; kills < KILLS; kills++) {
    // Every fourth core does not live to see anything of it.
    if (random.upTo(4) > 0) await until(() => started >= kills * STEPS_PER_KILL)
    await new Promise((done) => setTimeout(done, random.upTo(KILL_WITHIN_MS)))
    await endOf(core)
    core = startCore(bench, terminal, window)
  }
  await performed
  const found = await outcome(bench.terminals, harried.id, window)
  await endOf(core)

  expect(found, why).toEqual(expected)
  expect(bench.terminals.get(harried.id), why).toMatchObject({ pid: terminal.pid, epoch: 1 })
  expect(window.opened.snapshot + window.opened.resume, why).toBeGreaterThan(KILLS / 4)
  expect(found.sizes.length, why).toBeGreaterThan(KILLS / 2)
}, 180_000)
