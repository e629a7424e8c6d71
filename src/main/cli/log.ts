import { toFailure } from '../../shared/contract/client.ts'
import type { AttemptStatus } from '../../shared/domain/attempt.ts'
import { Failure, isFailure } from '../../shared/domain/failure.ts'
import { type Command, type Context, number } from './command.ts'
import { age, moment } from './format.ts'
import { findAttempt } from './ids.ts'
import { UsageError } from './io.ts'
import { follow } from './watch.ts'

/** Runs named in a sentence; an agent that crashes again and again has more. */
const MAX_LISTED = 8

/** An agent's output can drive the terminal that shows it: only what moves text is let through. */
export function harmless(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
}

interface Position {
  next: number
  /** Which run this is, of how many; 0 before the first. */
  run: number
  runs: number
  /** More can come: its program runs, or is about to. */
  open: boolean
}

/** An attempt without a terminal yet has an empty log that is still open. */
const isBefore = (status: AttemptStatus) =>
  status === 'pending' || status === 'preparing' || status === 'starting'

interface Source {
  id: string
  /** Undefined for the newest. */
  run: number | undefined
  raw: boolean
}

/** Prints what there is from `from` on; gives where to go on. */
async function drain(
  context: Context,
  { id, run, raw }: Source,
  from: number,
  print: (text: string) => void,
): Promise<Position> {
  const core = await context.core()
  const which = run === undefined ? {} : { run }
  for (let at = from; ; ) {
    const part = await core.attempts.log({ id, from: at, raw, ...which }).catch(async (error: unknown) => {
      const failure = toFailure(error)
      if (isFailure(failure, 'terminal_missing') && isBefore((await core.attempts.get({ id })).status))
        return null
      throw failure
    })
    if (part === null) return { next: at, run: 0, runs: 0, open: true }
    if (part.text !== '') print(part.text)
    if (context.io.signal.aborted) throw new Failure('cancelled', 'Stopped.')
    // A part that leads nowhere although it is not the end must not become an endless loop.
    if (part.end || part.next <= at) {
      const { run, runs } = part
      // An attempt that is about to start again opens another run, never an earlier one.
      const open = part.live || (run === runs && isBefore((await core.attempts.get({ id })).status))
      return { next: part.next, run, runs, open }
    }
    at = part.next
  }
}

/** When each run was, newest last: `run 1 (2026-01-02 03:04:05, 4m, exit 0), run 2 (…, running)`. */
async function listRuns(context: Context, id: string, runs: number): Promise<string> {
  const core = await context.core()
  const first = Math.max(1, runs - MAX_LISTED + 1)
  const lines = await Promise.all(
    Array.from({ length: runs - first + 1 }, async (_, i) => {
      const run = first + i
      const { marks, live } = await core.attempts.marks({ id, run })
      const begin = marks.find((mark) => mark.kind === 'open')?.at
      const end = marks.find((mark) => mark.kind === 'exit')?.at
      if (begin === undefined) return `run ${run} (nothing was recorded)`
      const how = live ? 'running' : end === undefined ? 'cut off' : `for ${age(begin, end)}`
      return `run ${run} (${moment(begin)}, ${how})`
    }),
  )
  return `${first > 1 ? 'earlier ones, ' : ''}${lines.join(', ')}`
}

/** What was asked for, if there is such a run and it can be followed. Throws the reason with a list of the runs. */
async function checkRun(context: Context, id: string, run: number, followed: boolean): Promise<void> {
  const core = await context.core()
  const { runs } = await core.attempts.log({ id, maxBytes: 1 })
  if (run <= runs && (!followed || run === runs)) return
  if (runs === 0) throw new Failure('not_found', `${id} has not run yet.`, { id, runs })
  const list = await listRuns(context, id, runs)
  if (run > runs) throw new Failure('not_found', `${id} has no run ${run}. There is ${list}.`, { id, runs })
  throw new UsageError(`Run ${run} of ${id} is over: only the newest can be followed. There is ${list}.`)
}

export const log: Command = {
  name: 'log',
  synopsis: 'ID [--run N] [--follow] [--raw]',
  about: 'print what an attempt wrote in its terminal',
  details: `--run N    an earlier run: an agent that was started again has one for each start (default: the newest)
--follow   go on until the agent has ended; with --json one object per line
--raw      with its escape sequences`,
  options: {
    run: { type: 'string' },
    follow: { type: 'boolean', short: 'f' },
    raw: { type: 'boolean' },
  },
  positionals: { min: 1, max: 1 },
  async run(context, [id = ''], values) {
    const raw = values.raw === true
    if (raw && context.json) throw new UsageError('--raw and --json exclude each other.')
    const run = number(values, 'run', { min: 1, max: 1_000_000 })
    const found = await findAttempt(await context.core(), id)
    if (run !== undefined) await checkRun(context, found.id, run, values.follow === true)
    const source = { id: found.id, run, raw }
    const keep: string[] = []
    const print = (text: string) => {
      if (!context.json) context.io.out(raw ? text : harmless(text))
      else if (values.follow === true) context.io.out(`${JSON.stringify({ id: found.id, text })}\n`)
      else keep.push(text)
    }
    let position = await drain(context, source, 0, print)
    if (values.follow === true && position.open) {
      await follow(context, async (state, push) => {
        const touched =
          push.type === 'signals'
            ? push.signals.some((signal) => signal.attemptId === found.id)
            : push.type === 'snapshot' ||
              push.rows.attempts?.some((attempt) => attempt.id === found.id) === true ||
              push.rows.terminals?.some((terminal) => terminal.attemptId === found.id) === true
        if (!touched) return false
        // The run that was begun with: places in another one are others.
        const same = { ...source, run: position.run || run }
        position = await drain(context, same, position.next, print)
        return !position.open && state.attempts[found.id] !== undefined
      })
    }
    if (context.json && values.follow !== true)
      context.result(
        {
          id: found.id,
          text: keep.join(''),
          next: position.next,
          live: position.open,
          run: position.run,
          runs: position.runs,
        },
        '',
      )
    else if (!context.json && run === undefined && position.runs > 1)
      context.note(`This was run ${position.run} of ${position.runs}; --run N shows an earlier one.`)
    return 0
  },
}
