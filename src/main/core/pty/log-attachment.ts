import { messageOf } from '../../../shared/domain/failure.ts'
import type { PtyAttachment, PtyExit, PtyScreen, PtySink } from '../../pty-protocol/pty-host.ts'

/**
 * A reader of a terminal that no host holds: with the first grant it gets the last screen, drawn from the log, and then the
 * end. Nothing is typed anywhere.
 */
export function attachToLog(
  sink: PtySink,
  screen: () => Promise<PtyScreen>,
  end: Promise<PtyExit>,
): PtyAttachment {
  let closed = false
  let started = false
  const show = async () => {
    try {
      const drawn = await screen()
      if (closed) return
      sink.screen(drawn)
      const exit = await end
      if (!closed) sink.exited(exit)
    } catch (error) {
      if (!closed) sink.failed(error instanceof Error ? error : new Error(messageOf(error)))
    }
  }
  return {
    grant() {
      if (started || closed) return
      started = true
      void show()
    },
    close() {
      closed = true
    },
  }
}
