import { pause } from '../lib/measure.ts'
import { type Usage, usageOf } from '../lib/processes.ts'
import { sum } from '../lib/stats.ts'
import { atMost, type Bench } from '../lib/types.ts'
import { Browser, ControlRoom, textOf } from '../subjects/control-room.ts'

/** What these processes used while `work` ran, one after the other. */
async function usageDuring(pids: readonly number[], work: () => Promise<unknown>): Promise<Usage[]> {
  const before = await Promise.all(pids.map(usageOf))
  await work()
  const after = await Promise.all(pids.map(usageOf))
  return after.map((now, i) => ({
    cpuMs: now.cpuMs - before[i]!.cpuMs,
    wakeups: now.wakeups - before[i]!.wakeups,
    childFaults: now.childFaults - before[i]!.childFaults,
  }))
}

/** What the app uses while nobody does anything: with sixteen quiet agents and with none, side by side at the same time. */
export const idle: Bench = {
  name: 'idle',
  goals: ['P9'],
  deadline: [180, 700],
  async run(context) {
    if (!context.tools.chromium) {
      context.missing({ goal: 'P9', what: 'Idle with 16 quiet agents', why: 'no Chromium' })
      return
    }
    const spanMs = context.small ? 2_000 : context.full ? 60_000 : 10_000
    const none = await ControlRoom.start(context, 'none')
    const full = await ControlRoom.start(context, 'full')
    const quiet = 'echo quiet; exec sleep 3600'
    const eight = Array.from({ length: 8 }, () => quiet)
    const shown = await full.fire('Quiet one', eight)
    await full.fire('Quiet two', eight)
    const emptyBrowser = await Browser.start(context, 'none')
    await emptyBrowser.open(none, null)
    const browser = await Browser.start(context, 'full')
    const page = await browser.open(full, shown)
    await pause(context.small ? 3_000 : 12_000)

    const { host, screens } = await full.terminalProcesses()
    const emptyRenderers = await emptyBrowser.renderers()
    const renderers = await browser.renderers()
    // First those whose wake-ups are limited one by one, then the window's.
    const ours = [full.webPid, host, screens, ...renderers]
    const theirs = [none.webPid, ...emptyRenderers]
    const cpu: { none: number[]; full: number[]; noneServer: number[]; fullServer: number[] } = {
      none: [],
      full: [],
      noneServer: [],
      fullServer: [],
    }
    const wakeups: { core: number[]; host: number[]; screens: number[]; page: number[]; none: number[] } = {
      core: [],
      host: [],
      screens: [],
      page: [],
      none: [],
    }
    let children = 0
    for (let round = 0; round < context.rounds; round++) {
      const [a, b] = await Promise.all([
        usageDuring(theirs, () => pause(spanMs)),
        usageDuring(ours, () => pause(spanMs)),
      ])
      const perSecond = (usages: readonly Usage[]) => sum(usages.map((one) => one.wakeups)) / (spanMs / 1_000)
      const percent = (usages: readonly Usage[]) => (sum(usages.map(({ cpuMs }) => cpuMs)) / spanMs) * 100
      cpu.none.push(percent(a))
      cpu.full.push(percent(b))
      cpu.noneServer.push(percent(a.slice(0, 1)))
      cpu.fullServer.push(percent(b.slice(0, 3)))
      wakeups.none.push(perSecond(a.slice(0, 1)))
      wakeups.core.push(perSecond(b.slice(0, 1)))
      wakeups.host.push(perSecond(b.slice(1, 2)))
      wakeups.screens.push(perSecond(b.slice(2, 3)))
      wakeups.page.push(perSecond(b.slice(3)))
      children += sum(b.map((one) => one.childFaults))
    }
    if (!(await textOf(page, 8)).includes('quiet')) throw new Error('a quiet tile is not shown')
    const proof = `16 agents live, 8 tiles on screen, ${context.rounds} × ${spanMs / 1_000} s`
    context.add({
      goal: 'P9',
      what: 'CPU of core, pty-host and screens at rest, of one core',
      unit: '%',
      reference: 'the same app without attempts (there is no pty-host then), at the same time',
      subject: '16 quiet agents',
      referenceSamples: cpu.noneServer,
      subjectSamples: cpu.fullServer,
      ratio: atMost(1.5),
      absolute: atMost(0.5),
      proof,
    })
    context.add({
      goal: 'P9',
      what: 'CPU of core, pty-host, screens and renderer at rest, of one core',
      unit: '%',
      reference: 'the same app without attempts, at the same time',
      subject: '16 quiet agents',
      referenceSamples: cpu.none,
      subjectSamples: cpu.full,
      ratio: atMost(1.5),
      absolute: atMost(0.5),
      proof,
      ifMissed: 'The ages on screen change once a minute, in one frame, which costs CPU without a GPU.',
    })
    for (const [what, samples, reference] of [
      ['core (web host)', wakeups.core, wakeups.none],
      ['pty-host', wakeups.host, []],
      ['process that draws screens', wakeups.screens, []],
    ] as const)
      context.add({
        goal: 'P9',
        what: `Wake-ups of the ${what} at rest`,
        unit: '/s',
        reference: reference.length > 0 ? 'the same without attempts' : '–',
        subject: 'voluntary context switches of all threads',
        referenceSamples: reference,
        subjectSamples: samples,
        ratio: null,
        absolute: atMost(2),
        proof,
      })
    context.add({
      goal: 'P9',
      what: 'Wake-ups of the renderer at rest',
      unit: '/s',
      reference: '–',
      subject: 'Chromium’s renderer processes, all threads',
      referenceSamples: [],
      subjectSamples: wakeups.page,
      ratio: null,
      absolute: null,
      proof,
      note: 'Chromium’s own housekeeping is in it.',
    })
    context.add({
      goal: 'P9',
      what: 'Processes started at rest',
      unit: 'count',
      reference: '–',
      subject:
        'page faults of reaped children of core, pty-host, screens and renderer: 0 only when there was none',
      referenceSamples: [],
      subjectSamples: [children],
      ratio: null,
      absolute: atMost(0),
      proof,
      ifMissed:
        'Something started a process although nothing had happened: a repository is asked about at a start, and later only when something in it changed.',
    })
  },
}
