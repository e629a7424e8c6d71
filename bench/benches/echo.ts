import { makeCorpus } from '../lib/corpora.ts'
import { interleave, pause } from '../lib/measure.ts'
import { quantile } from '../lib/stats.ts'
import { atMost, type Bench, type Context } from '../lib/types.ts'
import { drive, Tmux } from '../reference/tmux.ts'
import { Loads } from '../subjects/loads.ts'
import { OurTerminals } from '../subjects/terminals.ts'
import { type OurView, OurWindow } from '../subjects/window.ts'

const AGENTS = 16
/** A window shows eight tiles at most: the one that is typed into and seven others. */
const VISIBLE = 7
const EVERY_MS = 20
const ECHO = 'stty raw -echo; printf READY; exec cat'

interface Side {
  loads: Loads
  echo(count: number): Promise<number[]>
}

async function reference(context: Context, kind: 'flood' | 'paint', file: string): Promise<Side> {
  const loads = await Loads.prepare(context, `tmux-${kind}`)
  const tmux = await Tmux.start(context, kind, ECHO)
  for (let i = 0; i < AGENTS; i++)
    await tmux.window(kind === 'flood' ? loads.flood(file) : loads.paint(50_000))
  await loads.ready(AGENTS)
  return {
    loads,
    echo: (count) =>
      drive(
        context,
        [
          { do: 'quiet', ms: 500 },
          { do: 'echo', count, everyMs: EVERY_MS },
        ],
        tmux.attach,
      ),
  }
}

async function subject(context: Context, kind: 'flood' | 'paint', file: string): Promise<Side> {
  const loads = await Loads.prepare(context, `ours-${kind}`)
  const ours = await OurTerminals.start(context, `echo-${kind}`)
  const window = new OurWindow(context, ours.registry, 'at once')
  const echo = await ours.open(ECHO)
  const focused: OurView = await window.open(echo.id, 'focused')
  for (let i = 0; i < AGENTS; i++) {
    const { id } = await ours.open(kind === 'flood' ? loads.flood(file) : loads.paint(50_000))
    await window.open(id, i < VISIBLE ? 'visible' : 'hidden')
  }
  await loads.ready(AGENTS)
  return {
    loads,
    async echo(count) {
      await pause(500)
      return await focused.echo(count, EVERY_MS)
    },
  }
}

/** From the key to the parsed echo, beside sixteen agents that flood or work. */
export const echo: Bench = {
  name: 'echo',
  goals: ['P3a', 'P3b'],
  deadline: [300, 400],
  async run(context) {
    const { tools, rounds } = context
    if (!tools.pty || !tools.load || !tools.tmux) {
      const why = !tools.tmux ? 'tmux is not installed' : 'no C compiler'
      for (const goal of ['P3a', 'P3b']) context.missing({ goal, what: 'Echo beside 16 busy terminals', why })
      return
    }
    const file = (await makeCorpus(context.dir, 'plain', 512 * 1024)).path
    const count = context.small ? 20 : 100
    const p99 = (times: readonly number[]) => {
      if (times.some((time) => time < 0)) throw new Error('an echo was lost')
      return quantile(times, 0.99)
    }

    const idle: { p50: number[]; p99: number[] } = { p50: [], p99: [] }
    for (const kind of ['flood', 'paint'] as const) {
      const theirs = await reference(context, kind, file)
      const ours = await subject(context, kind, file)
      const under = async (side: Side) => {
        side.loads.on()
        const times = await side.echo(count)
        side.loads.off()
        await pause(300)
        return times
      }
      const { reference: a, subject: b } = await interleave(
        rounds,
        () => under(theirs),
        async () => {
          if (kind === 'paint') {
            const quiet = await ours.echo(count)
            idle.p50.push(quantile(quiet, 0.5))
            idle.p99.push(p99(quiet))
          }
          return await under(ours)
        },
      )
      const goal = kind === 'flood' ? 'P3a' : 'P3b'
      const load = kind === 'flood' ? '16 terminals flood' : '16 agents paint 50 kB/s each'
      const shared = {
        goal,
        unit: 'ms',
        reference: 'tmux, attached; its other windows do the same',
        subject: `focused of 17 terminals, ${VISIBLE} others visible`,
        proof: `${count * rounds} of ${count * rounds} keys came back, each side`,
      } as const
      context.add({
        ...shared,
        what: `Key → parsed echo, p99, while ${load}`,
        referenceSamples: a.map(p99),
        subjectSamples: b.map(p99),
        ratio: atMost(kind === 'flood' ? 1.25 : 1.5),
        absolute: atMost(kind === 'flood' ? 20 : 8),
        ifMissed:
          'An echo crosses six threads and processes (window, core, pty-host, program and back) where tmux crosses four, and each of the six waits for a core that the floods use.',
      })
      context.add({
        ...shared,
        what: `Key → parsed echo, median, while ${load}`,
        referenceSamples: a.map((times) => quantile(times, 0.5)),
        subjectSamples: b.map((times) => quantile(times, 0.5)),
        ratio: null,
        absolute: null,
      })
      if (kind === 'paint') {
        context.add({
          ...shared,
          what: `Key → parsed echo, p99, while ${load}, against the same at rest`,
          reference: 'ours with 16 quiet agents',
          referenceSamples: idle.p99,
          subjectSamples: b.map(p99),
          ratio: atMost(1.25),
          absolute: null,
          note: `The median at rest is ${quantile(idle.p50, 0.5).toFixed(2)} ms.`,
        })
      }
    }
  },
}
