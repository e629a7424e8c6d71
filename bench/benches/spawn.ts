import { monitorEventLoopDelay } from 'node:perf_hooks'
import { exec, interleave, pause } from '../lib/measure.ts'
import { rssOf } from '../lib/processes.ts'
import { atMost, type Bench } from '../lib/types.ts'
import { OurTerminals } from '../subjects/terminals.ts'

const COUNT = 16

/** Longest time in ms that this thread was not at its event loop while `work` ran, beyond the timer's own step. */
async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await work()
  // One more turn, so that a block at the very end is counted.
  await pause(5)
  delay.disable()
  return delay.max / 1e6
}

/** Sixteen programs on sixteen terminals: from the call to the last first byte. */
export const spawn: Bench = {
  name: 'spawn',
  goals: ['P2a'],
  deadline: [90, 120],
  async run(context) {
    const { tools } = context
    const ours = await OurTerminals.start(context, 'spawn')
    let seen = 0
    const sixteen = async () => {
      const begin = performance.now()
      await Promise.all(
        Array.from({ length: COUNT }, async () => {
          const { id } = await ours.run('/bin/echo', ['hi'])
          await new Promise<void>((resolve, reject) => {
            const attachment = ours.registry.attach(id, null, {
              screen: ({ data }) => void (Buffer.from(data).includes('hi') && done()),
              output: (_offset, bytes) => void (Buffer.from(bytes).includes('hi') && done()),
              resized: () => {},
              exited: () => {},
              failed: reject,
            })
            const done = () => {
              seen++
              attachment.close()
              resolve()
            }
            attachment.grant(64 * 1024)
          })
        }),
      )
      const took = performance.now() - begin
      // The last ends are on their way; forgotten as the product forgets what nobody looks at.
      await Promise.all(ours.registry.list().map(({ id }) => ours.ended(id)))
      await ours.forgetEnded()
      return took
    }
    await sixteen()
    seen = 0

    const { pty } = tools
    const rounds = Math.max(context.rounds, 5) * 2
    if (pty) {
      const loop = async () => {
        const [ms, count] = (await exec(pty, ['spawn', String(COUNT), '--', '/bin/echo', 'hi']))
          .split(' ')
          .map(Number)
        if (count !== COUNT || ms === undefined)
          throw new Error(`the C loop saw ${count} of ${COUNT} first bytes`)
        return ms
      }
      await loop()
      const { reference, subject } = await interleave(rounds, loop, sixteen)
      if (seen !== rounds * COUNT) throw new Error(`${seen} of ${rounds * COUNT} first bytes`)
      context.add({
        goal: 'P2a',
        what: `${COUNT} programs started at once: last first byte`,
        unit: 'ms',
        reference: 'C forkpty loop',
        subject: 'core → pty-host → attached reader',
        referenceSamples: reference,
        subjectSamples: subject,
        ratio: atMost(3),
        absolute: atMost(60),
        proof: `${seen} of ${rounds * COUNT} first bytes`,
        ifMissed:
          'The host forks one program after the other by node-pty, more than 1 ms each, which reads as long as its thread does nothing else; the C loop’s process is a tenth as large.',
        note: 'Ours includes what the C loop does not do: a log file, an emulator (in another process) and a process mark per terminal, and two hops over a socket.',
      })
    } else context.missing({ goal: 'P2a', what: `${COUNT} programs started at once`, why: 'no C compiler' })

    const idle: number[] = []
    const busy: number[] = []
    for (let round = 0; round < rounds; round++) {
      idle.push(await longestBlock(() => pause(60)))
      busy.push(await longestBlock(sixteen))
    }
    context.add({
      goal: 'P2a',
      what: 'Longest block of the core’s thread while 16 start',
      unit: 'ms',
      reference: 'the same thread at rest',
      subject: 'core’s event loop',
      referenceSamples: idle,
      subjectSamples: busy,
      ratio: null,
      absolute: atMost(8),
      proof: `${rounds * COUNT} more programs started`,
      note: 'Half a frame: programs are forked by the pty-host, never by the core. The figure contains the timer’s own step of 1 ms and what other processes took of two cores.',
    })
    const { host, screens } = await ours.terminalProcesses()
    context.add({
      goal: 'P2a',
      what: 'Memory of the pty-host after all of these have ended and were forgotten',
      unit: 'MB',
      reference: '–',
      subject: 'RSS of the pty-host',
      referenceSamples: [],
      subjectSamples: [await rssOf(host)],
      ratio: null,
      absolute: atMost(150),
      note: `What draws the screens, a process that starts nothing, has ${(await rssOf(screens)).toFixed(0)} MB besides.`,
      proof: `${(2 * rounds + 1) * COUNT} terminals were opened at most, ${ours.registry.list().length} are left`,
    })
  },
}
