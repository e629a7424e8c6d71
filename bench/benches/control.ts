import { makeCorpus } from '../lib/corpora.ts'
import { interleave, pause } from '../lib/measure.ts'
import { atMost, type Bench } from '../lib/types.ts'
import { drive, Tmux } from '../reference/tmux.ts'
import { OurTerminals } from '../subjects/terminals.ts'
import { OurWindow } from '../subjects/window.ts'

/** Arithmetic, so that the echo of the line itself cannot be taken for its answer. */
const ASK = '\u0003echo P$((1+1))NG\r'
const ANSWER = 'P2NG'
const SHELL = 'exec env PS1=READY bash --norc --noprofile -i'

/** Ctrl-C into a flood, and the shell's answer to what is typed behind it. */
export const control: Bench = {
  name: 'control',
  goals: ['P3d'],
  deadline: [150, 150],
  async run(context) {
    const { tools } = context
    const what = 'Ctrl-C in a flooding terminal → the shell answers'
    if (!tools.pty || !tools.tmux) {
      context.missing({ goal: 'P3d', what, why: !tools.tmux ? 'tmux is not installed' : 'no C compiler' })
      return
    }
    const file = (await makeCorpus(context.dir, 'plain', 4 * 1024 * 1024)).path
    const flood = `while :; do cat ${file}; done\r`
    const floodMs = context.small ? 300 : 1_000
    const rounds = Math.max(context.rounds, context.small ? 2 : 8)

    const ours = await OurTerminals.start(context, 'control')
    const window = new OurWindow(context, ours.registry, 'at once')
    const { reference, subject } = await interleave(
      rounds,
      async (round) => {
        const tmux = await Tmux.start(context, `control-${round}`, SHELL)
        const [ms] = await drive(
          context,
          [
            { do: 'wait', text: 'READY', ms: 20_000 },
            { do: 'type', text: flood },
            { do: 'quiet', ms: floodMs },
            { do: 'type', text: ASK },
            { do: 'time', text: ANSWER, ms: 20_000 },
          ],
          tmux.attach,
        )
        await tmux.end()
        return ms!
      },
      async () => {
        const { id } = await ours.open(SHELL)
        const view = await window.open(id, 'focused')
        await view.seen('READY')
        await view.type(flood)
        await pause(floodMs)
        const ms = await view.typeUntil(ASK, ANSWER)
        if (!(await view.screen()).includes(ANSWER)) throw new Error('the answer is not on the screen')
        await view.close()
        await ours.kill(id)
        return ms
      },
    )
    context.add({
      goal: 'P3d',
      what,
      unit: 'ms',
      reference: 'tmux, attached',
      subject: 'focused terminal, until parsed',
      referenceSamples: reference,
      subjectSamples: subject,
      ratio: atMost(0.5),
      absolute: atMost(30),
      proof: `${rounds} of ${rounds} answers, each side; ours read from the screen`,
    })
  },
}
