import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { makeCorpus } from '../lib/corpora.ts'
import { pause, until } from '../lib/measure.ts'
import { pssOf } from '../lib/processes.ts'
import { median, sum } from '../lib/stats.ts'
import { atMost, type Bench, type Context } from '../lib/types.ts'
import { Browser, ControlRoom, type FiredTask, show, textOf } from '../subjects/control-room.ts'
import { Loads } from '../subjects/loads.ts'

const LINES = 10_000
/** A tile that left the screen is taken down after two seconds. */
const PARKED_MS = 3_000

async function rendererMemory(browser: Browser, page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  // Twice: what the first run finalises, the second one frees.
  for (let i = 0; i < 2; i++) await session.send('HeapProfiler.collectGarbage')
  await session.detach()
  await pause(1_000)
  return sum(await Promise.all((await browser.renderers()).map(pssOf)))
}

async function tiles(context: Context, room: ControlRoom, browser: Browser): Promise<Page> {
  const go = join(context.dir, 'go')
  const command = `while [ ! -e ${go} ]; do sleep 0.2; done; i=0; while [ $i -lt ${LINES} ]; do echo "line $i: what an agent has to say in the course of its work, at some length"; i=$((i+1)); done; printf LAST; exec sleep 3600`
  const one = await room.fire('One tile', [command])
  const eight = await room.fire(
    'Eight tiles',
    Array.from({ length: 8 }, () => command),
  )
  const page = await browser.open(room, eight)
  await writeFile(go, '')
  const settled = async (task: FiredTask) => {
    for (const { n } of task.attempts)
      await until('the last line', async () => (await textOf(page, n)).includes('LAST'))
  }
  await settled(eight)
  const visible: number[] = []
  const parked: number[] = []
  const lone: number[] = []
  // The first round warms what is made once: styles, glyphs, compiled code.
  for (let round = 0; round <= Math.max(3, context.rounds); round++) {
    await show(page, one)
    await settled(one)
    await pause(PARKED_MS)
    const alone = await rendererMemory(browser, page)
    await show(page, eight)
    await settled(eight)
    const all = await rendererMemory(browser, page)
    await show(page, one)
    await settled(one)
    await pause(PARKED_MS)
    const after = await rendererMemory(browser, page)
    if (round === 0) continue
    lone.push(alone)
    visible.push((all - alone) / 7)
    parked.push((after - alone) / 8)
  }
  const shared = {
    goal: 'P6',
    unit: 'MB',
    reference: 'the renderer with one tile, as a whole',
    referenceSamples: lone,
    ratio: null,
    proof: `${LINES} lines each; the last line is in every tile; after forced garbage collection`,
  } as const
  context.add({
    ...shared,
    what: 'Renderer memory of one more visible tile',
    subject: '(8 tiles − 1 tile) ÷ 7, PSS of the renderer',
    subjectSamples: visible,
    absolute: atMost(25),
  })
  context.add({
    ...shared,
    what: 'Renderer memory of a tile that left the screen',
    subject: '(before − after 8 tiles were shown) ÷ 8',
    subjectSamples: parked,
    absolute: atMost(1),
  })
  return page
}

async function flood(context: Context, room: ControlRoom, browser: Browser, page: Page): Promise<void> {
  const seconds = context.small ? 8 : context.full ? 600 : 75
  const warmUp = context.full ? 60 : seconds / 3
  const loads = await Loads.prepare(context, 'flood')
  const file = (await makeCorpus(context.dir, 'plain', 512 * 1024)).path
  const eight = Array.from({ length: 8 }, () => loads.flood(file))
  const shown = await room.fire('Flood one', eight)
  await room.fire('Flood two', eight)
  await loads.ready(16)
  await show(page, shown)
  const { host, screens } = await room.terminalProcesses()
  const written = async () => {
    const { attempts } = await room.client.tasks.get({ id: shown.taskId })
    const ends = await Promise.all(
      // Its end, not its text: from the far end on there is nothing to give.
      attempts.map(
        async ({ id }) =>
          (await room.client.attempts.log({ id, from: Number.MAX_SAFE_INTEGER, maxBytes: 1 })).next,
      ),
    )
    return sum(ends)
  }
  const before = await written()
  loads.on()
  const samples: { at: number; host: number; screens: number; core: number; page: number }[] = []
  const begin = performance.now()
  while (performance.now() - begin < seconds * 1_000) {
    samples.push({
      at: (performance.now() - begin) / 1_000,
      host: await pssOf(host),
      screens: await pssOf(screens),
      core: await pssOf(room.webPid),
      page: sum(await Promise.all((await browser.renderers()).map(pssOf))),
    })
    await pause(1_000)
  }
  loads.off()
  const bytes = (await written()) - before
  for (const [key, name] of [
    ['host', 'pty-host'],
    ['screens', 'process that draws its screens'],
    ['core', 'core (web host)'],
    ['page', 'renderer'],
  ] as const) {
    const then = samples.filter(({ at }) => at >= warmUp && at < warmUp * 1.5).map((one) => one[key])
    const end = samples.filter(({ at }) => at >= seconds - warmUp / 2).map((one) => one[key])
    context.add({
      goal: 'P6',
      what: `Memory of the ${name} under a flood of 16 terminals, ${seconds} s`,
      unit: 'MB',
      reference: `after ${warmUp.toFixed(0)} s`,
      subject: 'at the end',
      referenceSamples: then,
      subjectSamples: end,
      ratio: atMost(1.1),
      absolute: key === 'host' ? atMost(150) : null,
      proof: `${(bytes / 1e6).toFixed(0)} MB were written by the 8 on screen meanwhile; most ever seen ${Math.max(...samples.map((one) => one[key])).toFixed(0)} MB, median ${median(samples.map((one) => one[key])).toFixed(0)} MB`,
      ...(context.full ? {} : { note: '--full floods for ten minutes.' }),
    })
  }
}

/** What a tile costs while it is seen and when it is not, and whether a flood makes anything grow. */
export const memory: Bench = {
  name: 'memory',
  goals: ['P6'],
  deadline: [300, 1_000],
  async run(context) {
    if (!context.tools.chromium) {
      context.missing({ goal: 'P6', what: 'Memory of tiles', why: 'no Chromium' })
      return
    }
    const room = await ControlRoom.start(context, 'room')
    const browser = await Browser.start(context, 'memory')
    const page = await tiles(context, room, browser)
    if (context.tools.load) await flood(context, room, browser, page)
    else context.missing({ goal: 'P6', what: 'Memory under a flood', why: 'no C compiler' })
  },
}
