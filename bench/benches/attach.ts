import { until } from '../lib/measure.ts'
import type { Bench } from '../lib/types.ts'
import { OurTerminals } from '../subjects/terminals.ts'
import { OurWindow } from '../subjects/window.ts'

const LINES = 10_000
const SESSIONS = 16

/** How soon a window is back: a terminal with a long past, and all sixteen of a core that was started anew. */
export const attach: Bench = {
  name: 'attach',
  goals: ['P9'],
  deadline: [90, 90],
  async run(context) {
    const ours = await OurTerminals.start(context, 'attach')
    const command = (n: number) =>
      `i=0; while [ $i -lt ${LINES} ]; do echo "terminal ${n} line $i of what an agent said"; i=$((i+1)); done; printf 'LAST${n}'; exec sleep 600`
    const opened = await Promise.all(Array.from({ length: SESSIONS }, (_, n) => ours.open(command(n))))
    const least = LINES * 40
    await until('all have written', () =>
      opened.every(({ id }) => (ours.registry.get(id)?.offset ?? 0) > least),
    )

    const one: number[] = []
    const all: number[] = []
    for (let round = 0; round < context.rounds; round++) {
      const window = new OurWindow(context, ours.registry, 'at once')
      // A first view warms the new thread, as a window that is open already is warm.
      const warm = await window.open(opened[1]!.id, 'visible')
      await warm.seen('LAST1')
      await warm.close()
      const begin = performance.now()
      const view = await window.open(opened[0]!.id, 'focused')
      await view.seen('LAST0')
      one.push(performance.now() - begin)
      if (!(await view.screen()).includes(`line ${LINES - 1} of`)) throw new Error('the last line is missing')

      const before = ours.registry.list()
      const again = performance.now()
      const core = ours.another()
      const report = await core.adopt(
        before
          .filter(({ state }) => state === 'live')
          .map(({ id, epoch, pid, pidStartedAt, cols, rows, logPath }) => ({
            id,
            epoch,
            pid,
            pidStartedAt,
            cols,
            rows,
            logPath,
          })),
      )
      if (report.adopted.length !== SESSIONS)
        throw new Error(`${report.adopted.length} of ${SESSIONS} were found again`)
      const second = new OurWindow(context, core, 'at once')
      const views = await Promise.all(
        opened.map(async ({ id }, n) => {
          const shown = await second.open(id, n === 0 ? 'focused' : 'visible')
          await shown.seen(`LAST${n}`)
          return shown
        }),
      )
      all.push(performance.now() - again)
      for (const [n, shown] of views.entries())
        if (!(await shown.screen()).includes(`LAST${n}`)) throw new Error(`terminal ${n} is not back`)
      core.dispose()
    }
    const shared = {
      goal: 'P9',
      unit: 'ms',
      reference: '–',
      referenceSamples: [],
      ratio: null,
      absolute: null,
    } as const
    context.add({
      ...shared,
      what: `Attach to a terminal that wrote ${LINES} lines`,
      subject: 'open → snapshot parsed (screen and 1,000 lines above it)',
      subjectSamples: one,
      proof: 'the last line is on the screen',
    })
    context.add({
      ...shared,
      what: `Reconnect of ${SESSIONS} sessions of ${LINES} lines`,
      subject: 'a new core finds the host, adopts all, and a new window has them all parsed',
      subjectSamples: all,
      proof: `${SESSIONS} of ${SESSIONS} adopted, the last line of each on its screen`,
      note: 'Contains the start of the window’s thread.',
    })
  },
}
