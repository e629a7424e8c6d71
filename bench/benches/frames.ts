import type { Page } from '@playwright/test'
import { interleave, pause, until } from '../lib/measure.ts'
import { quantile, sum } from '../lib/stats.ts'
import { atMost, type Bench, type Context } from '../lib/types.ts'
import { Browser, ControlRoom, type FrameTimes, textOf, watchFrames } from '../subjects/control-room.ts'
import { Loads } from '../subjects/loads.ts'

const AGENTS = 16
const BYTES_PER_SECOND = 50_000
/** A window at rest that is on screen draws far more often. */
const HIDDEN_MS = 100

/** Watches all windows at once. */
async function watchAll(pages: readonly Page[], ms: number): Promise<FrameTimes & { hidden: boolean }> {
  const each = await Promise.all(pages.map((page) => watchFrames(page, ms)))
  return {
    // Chromium may take a window for hidden, whatever it was told: then nothing is drawn that could be late.
    hidden: each.some(({ intervals }) => quantile(intervals, 0.5) > HIDDEN_MS),
    intervals: each.flatMap(({ intervals }) => intervals),
    longTasks: sum(each.map(({ longTasks }) => longTasks)),
  }
}

const lastTexts = (pages: readonly Page[]): Promise<string[]> =>
  Promise.all(pages.map((page) => textOf(page, 8)))

async function compare(context: Context, loads: Loads, pages: readonly Page[], where: string): Promise<void> {
  const spanMs = context.small ? 1_000 : 5_000
  const { reference, subject } = await interleave(
    context.rounds,
    () => watchAll(pages, spanMs),
    async () => {
      loads.on()
      await pause(700)
      const before = await lastTexts(pages)
      const times = await watchAll(pages, spanMs)
      await until(
        'the last tile of each window has moved on',
        async () => (await lastTexts(pages)).every((text, i) => text !== before[i]),
        20_000,
      )
      loads.off()
      await pause(700)
      return times
    },
  )
  if (reference.some(({ hidden }) => hidden)) {
    context.missing({
      goal: 'P5',
      what: `Frame intervals, ${where}`,
      why: 'the browser took a window for hidden',
    })
    return
  }
  const shared = {
    goal: 'P5',
    unit: 'ms',
    reference:
      pages.length > 1 ? 'the same windows with 16 quiet agents' : 'the same window with 16 quiet agents',
    ifMissed:
      'Without a GPU every changed row is laid out and painted on the CPU, on the two cores that sixteen agents, core and pty-host use as well.',
    subject: `16 agents paint ${BYTES_PER_SECOND / 1_000} kB/s each`,
    proof: `${sum(subject.map(({ intervals }) => intervals.length))} frames${pages.length > 1 ? ' of both windows' : ''}; the last tile’s text changed in every round`,
  } as const
  const at = (share: number) => (one: FrameTimes) => quantile(one.intervals, share)
  context.add({
    ...shared,
    what: `Frame interval, p95, ${where}`,
    referenceSamples: reference.map(at(0.95)),
    subjectSamples: subject.map(at(0.95)),
    ratio: atMost(1.25),
    absolute: null,
  })
  context.add({
    ...shared,
    what: `Frame interval, p99, ${where}`,
    referenceSamples: reference.map(at(0.99)),
    subjectSamples: subject.map(at(0.99)),
    ratio: atMost(1.5),
    absolute: atMost(33),
  })
  context.add({
    ...shared,
    what: `Tasks above 50 ms in ${(spanMs / 1_000) * context.rounds} s, ${where}`,
    unit: 'count',
    referenceSamples: [sum(reference.map(({ longTasks }) => longTasks))],
    subjectSamples: [sum(subject.map(({ longTasks }) => longTasks))],
    ratio: null,
    absolute: atMost(0),
  })
}

/** How smooth the window stays while sixteen agents work. */
export const frames: Bench = {
  name: 'frames',
  goals: ['P5'],
  deadline: [240, 300],
  async run(context) {
    const { tools } = context
    if (!tools.load || !tools.chromium) {
      const why = tools.chromium ? 'no C compiler' : 'no Chromium'
      context.missing({ goal: 'P5', what: 'Frame intervals with 16 busy tiles', why })
      return
    }
    const room = await ControlRoom.start(context, 'room')
    const loads = await Loads.prepare(context, 'loads')
    const eight = Array.from({ length: AGENTS / 2 }, () => loads.paint(BYTES_PER_SECOND))
    const first = await room.fire('First eight', eight)
    const second = await room.fire('Other eight', eight)
    await loads.ready(AGENTS)
    const browser = await Browser.start(context, 'frames')
    const page = await browser.open(room, first)
    await pause(2_000)
    await compare(context, loads, [page], '8 of 16 on screen (the most that one window shows)')
    // In a browser of its own: in one browser the second page is a tab before the first, which is hidden then.
    const otherBrowser = await Browser.start(context, 'frames-2')
    const otherPage = await otherBrowser.open(room, second)
    await pause(2_000)
    await compare(context, loads, [page, otherPage], 'all 16 on screen, in two windows')
  },
}
