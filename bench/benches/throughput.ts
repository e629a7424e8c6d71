import { createHash } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CORPORA, type Corpus, labelOf, makeCorpus } from '../lib/corpora.ts'
import { interleave, until } from '../lib/measure.ts'
import { sum } from '../lib/stats.ts'
import { atLeast, atMost, type Bench, type Context } from '../lib/types.ts'
import { parseAlone } from '../reference/headless.ts'
import { COLS, drive, ROWS, Tmux } from '../reference/tmux.ts'
import { OurTerminals } from '../subjects/terminals.ts'
import { OurWindow } from '../subjects/window.ts'

const MB = 1_000_000
const END = '@@END'
const READY = 'READY'

/** Waits for a key, writes the file, then a sign that the file does not hold. */
const writes = (path: string) =>
  `stty raw -echo -opost; printf ${READY}; head -c1 >/dev/null; cat ${path}; printf ${END}; exec sleep 600`

const sha256 = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

/** One focused tile takes a file: ours against the bare parser and against tmux. */
async function oneTile(context: Context, corpus: Corpus): Promise<void> {
  const { tools, rounds } = context
  const ours = await OurTerminals.start(context, `one-${corpus.name}`)
  const window = new OurWindow(context, ours.registry, '60 Hz')
  const rate = (ms: number) => corpus.bytes.length / MB / (ms / 1_000)
  const expected = sha256(READY, corpus.bytes, END)
  let lost = 0
  const viaTmux = async (round: number) => {
    if (!tools.pty || !tools.tmux) return Number.NaN
    const tmux = await Tmux.start(context, `${corpus.name}-${round}`, writes(corpus.path))
    const [ms] = await drive(
      context,
      [
        { do: 'wait', text: READY, ms: 20_000 },
        { do: 'quiet', ms: 200 },
        { do: 'type', text: 'g' },
        { do: 'time', text: END, ms: 90_000 },
      ],
      tmux.attach,
    )
    await tmux.end()
    return rate(ms!)
  }
  const { reference, subject } = await interleave(
    rounds,
    async (round) => ({
      alone: rate(await parseAlone(corpus.bytes, COLS, ROWS)),
      tmux: await viaTmux(round),
    }),
    async () => {
      const { id } = await ours.open(writes(corpus.path))
      const view = await window.open(id, 'focused')
      await view.seen(READY)
      const ms = await view.typeUntil('g', END, 90_000)
      await ours.kill(id)
      const log = await ours.logHash(id)
      if (log.sha256 !== expected) lost += READY.length + corpus.bytes.length + END.length - log.bytes || 1
      await view.close()
      return rate(ms)
    },
  )
  if (lost !== 0) throw new Error(`${lost} bytes differ between what was written and the log`)
  const shared = {
    goal: 'P4',
    unit: 'MB/s',
    subject:
      'focused terminal: program → pty-host (log) → screens, and → core → window, until the end is parsed',
    subjectSamples: subject,
    absolute: null,
    proof: `SHA-256 of the log = of what was written, ${rounds} × ${(corpus.bytes.length / MB).toFixed(0)} MB; 0 bytes lost`,
    ifMissed:
      'The bare parser has a core to itself. Here two cores are shared by the program, the host that reads it (4 KiB a read) and logs it, the process that filters and parses it, and core and window, which are shown the screens of it.',
  } as const
  context.add({
    ...shared,
    what: `One focused tile, ${labelOf(corpus.name)}`,
    reference: '@xterm/headless alone, 64 KiB pieces',
    referenceSamples: reference.map((one) => one.alone),
    ratio: atLeast(0.8),
  })
  const what = `One focused tile, ${labelOf(corpus.name)}, against tmux`
  if (tools.pty && tools.tmux) {
    const referenceSamples = reference.map((one) => one.tmux)
    context.add({ ...shared, what, reference: 'tmux, attached', referenceSamples, ratio: atLeast(0.9) })
  } else context.missing({ goal: 'P4', what, why: !tools.tmux ? 'tmux is not installed' : 'no C compiler' })
}

/** Starts `commands`, lets all go at once and waits for their ends; gives MB/s of them all together. */
async function together(ours: OurTerminals, window: OurWindow, files: readonly Corpus[], visible: number) {
  const opened = await Promise.all(
    files.map(({ path }) =>
      ours.open(`stty raw -echo -opost; printf ${READY}; head -c1 >/dev/null; exec cat ${path}`),
    ),
  )
  const views = []
  for (const [i, { id }] of opened.entries()) {
    if (i < visible) views.push(await window.open(id, i === 0 ? 'focused' : 'visible'))
  }
  await until('all are ready', () =>
    opened.every(({ id }) => (ours.registry.get(id)?.offset ?? 0) >= READY.length),
  )
  const ends = Promise.all(opened.map(({ id }) => ours.ended(id)))
  const begin = performance.now()
  await Promise.all(
    opened.map(({ id }) => ours.registry.write(id, { writer: 'go', seq: 1, bytes: Buffer.from('g') })),
  )
  await ends
  const ms = performance.now() - begin
  for (const view of views) await view.close()
  for (const [i, { id }] of opened.entries()) {
    const log = await ours.logHash(id)
    if (log.sha256 !== sha256(READY, files[i]!.bytes)) throw new Error(`terminal ${i}: log and output differ`)
  }
  return sum(files.map((file) => file.bytes.length)) / MB / (ms / 1_000)
}

/** Sixteen at once, four of them looked at. */
async function sixteen(context: Context): Promise<void> {
  const size = context.small ? 512 * 1024 : 32 * 1024 * 1024
  const whole = await makeCorpus(context.dir, 'plain', size)
  const parts = join(context.dir, 'parts')
  await mkdir(parts)
  const part = await makeCorpus(parts, 'plain', size / 16)
  const ours = await OurTerminals.start(context, 'sixteen')
  const window = new OurWindow(context, ours.registry, '60 Hz')
  const { reference, subject } = await interleave(
    context.rounds,
    () => together(ours, window, [whole], 1),
    () =>
      together(
        ours,
        window,
        Array.from({ length: 16 }, () => part),
        4,
      ),
  )
  context.add({
    goal: 'P4',
    what: '16 terminals flood, 4 of them visible: all together',
    unit: 'MB/s',
    reference: 'the same bytes through one focused terminal',
    subject: '16 terminals, until the last has ended',
    referenceSamples: reference,
    subjectSamples: subject,
    ratio: atLeast(0.75),
    absolute: null,
    proof: `SHA-256 of all 16 logs, ${context.rounds} × ${((part.bytes.length * 16) / MB).toFixed(0)} MB; 0 bytes lost`,
  })
}

/** The agent's own run time with a window that stopped reading, and without any window. */
async function frozenWindow(context: Context): Promise<void> {
  const corpus = await makeCorpus(context.dir, 'plain', context.small ? 1024 * 1024 : 32 * 1024 * 1024)
  const ours = await OurTerminals.start(context, 'frozen')
  let runs = 0
  const agent = async (frozen: boolean) => {
    const times = join(context.dir, `times-${++runs}`)
    const command = `stty raw -echo -opost; printf ${READY}; head -c1 >/dev/null; date +%s%N >${times}; cat ${corpus.path}; date +%s%N >>${times}`
    const { id } = await ours.open(command)
    let window: OurWindow | null = null
    if (frozen) {
      window = new OurWindow(context, ours.registry, '60 Hz')
      const view = await window.open(id, 'focused')
      await view.seen(READY)
      await view.freeze()
    } else await until('the agent is ready', () => (ours.registry.get(id)?.offset ?? 0) >= READY.length)
    await ours.registry.write(id, { writer: 'go', seq: 1, bytes: Buffer.from('g') })
    await ours.ended(id)
    if ((await ours.logHash(id)).sha256 !== sha256(READY, corpus.bytes))
      throw new Error('log and output differ')
    const [from, to] = (await readFile(times, 'utf8')).trim().split('\n').map(BigInt)
    return Number(to! - from!) / 1e6
  }
  const rounds = context.small ? 2 : Math.max(9, context.rounds)
  const { reference, subject } = await interleave(
    rounds,
    () => agent(false),
    () => agent(true),
  )
  context.add({
    goal: 'P4',
    what: `The agent’s own time to write ${(corpus.bytes.length / MB).toFixed(0)} MB with a frozen window`,
    unit: 'ms',
    reference: 'without any window',
    subject: 'a focused window that never reads on',
    referenceSamples: reference,
    subjectSamples: subject,
    ratio: atMost(1.03),
    absolute: null,
    proof: `SHA-256 of ${rounds * 2} logs; time taken by the agent itself`,
    ifMissed:
      'Nothing waits for the window; filling its first credit and drawing its first snapshot take processor time.',
  })
}

/** How many bytes a second come through, and that all of them do. */
export const throughput: Bench = {
  name: 'throughput',
  goals: ['P4'],
  deadline: [420, 900],
  async run(context) {
    const size = context.small ? 256 * 1024 : (context.full ? 64 : 12) * 1024 * 1024
    for (const name of CORPORA) await oneTile(context, await makeCorpus(context.dir, name, size))
    await sixteen(context)
    await frozenWindow(context)
  },
}
