import { toFailure } from '../../shared/contract/client.ts'
import type { AttemptStatus } from '../../shared/domain/attempt.ts'
import { Failure, isFailure } from '../../shared/domain/failure.ts'
import type { Command, Context } from './command.ts'
import { findAttempt } from './ids.ts'
import { UsageError } from './io.ts'
import { follow } from './watch.ts'

/** An agent's output can drive the terminal that shows it: only what moves text is let through. */
export function harmless(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
}

interface Position {
  next: number
  /** More can come: its program runs, or is about to. */
  open: boolean
}

/** An attempt without a terminal yet has an empty log that is still open. */
const isBefore = (status: AttemptStatus) =>
  status === 'pending' || status === 'preparing' || status === 'starting'

/** Prints what there is from `from` on; gives where to go on. */
async function drain(
  context: Context,
  id: string,
  from: number,
  raw: boolean,
  print: (text: string) => void,
): Promise<Position> {
  const core = await context.core()
  for (let at = from; ; ) {
    const part = await core.attempts.log({ id, from: at, raw }).catch(async (error: unknown) => {
      const failure = toFailure(error)
      if (isFailure(failure, 'terminal_missing') && isBefore((await core.attempts.get({ id })).status))
        return null
      throw failure
    })
    if (part === null) return { next: at, open: true }
    if (part.text !== '') print(part.text)
    if (context.io.signal.aborted) throw new Failure('cancelled', 'Stopped.')
    // A part that leads nowhere although it is not the end must not become an endless loop.
    if (part.end || part.next <= at) {
      const { status } = await core.attempts.get({ id })
      return { next: part.next, open: part.live || isBefore(status) }
    }
    at = part.next
  }
}

export const log: Command = {
  name: 'log',
  synopsis: 'ID [--follow] [--raw]',
  about: 'print what an attempt wrote in its terminal',
  details: `--follow   go on until the agent has ended; with --json one object per line
--raw      with its escape sequences`,
  options: { follow: { type: 'boolean', short: 'f' }, raw: { type: 'boolean' } },
  positionals: { min: 1, max: 1 },
  async run(context, [id = ''], values) {
    const raw = values.raw === true
    if (raw && context.json) throw new UsageError('--raw and --json exclude each other.')
    const found = await findAttempt(await context.core(), id)
    const keep: string[] = []
    const print = (text: string) => {
      if (!context.json) context.io.out(raw ? text : harmless(text))
      else if (values.follow === true) context.io.out(`${JSON.stringify({ id: found.id, text })}\n`)
      else keep.push(text)
    }
    let position = await drain(context, found.id, 0, raw, print)
    if (values.follow === true && position.open) {
      await follow(context, async (state, push) => {
        const touched =
          push.type === 'signals'
            ? push.signals.some((signal) => signal.attemptId === found.id)
            : push.type === 'snapshot' ||
              push.rows.attempts?.some((attempt) => attempt.id === found.id) === true ||
              push.rows.terminals?.some((terminal) => terminal.attemptId === found.id) === true
        if (!touched) return false
        position = await drain(context, found.id, position.next, raw, print)
        return !position.open && state.attempts[found.id] !== undefined
      })
    }
    if (context.json && values.follow !== true)
      context.result({ id: found.id, text: keep.join(''), next: position.next, live: position.open }, '')
    return 0
  },
}
