import { stripEscapes } from '../../../shared/terminal/plain-text.ts'
import type { TerminalRegistry } from './terminal.ts'

/** Read for a tail by stripping: enough for thousands of lines, little enough for one regular expression pass. */
const STRIP_BYTES = 512 * 1024
/** Lines above the screen that a drawn tail can hold. */
const DRAWN_LINES = 5_000

/**
 * The last `lines` lines that a person would have read in this terminal, as plain text. Drawn by the host's emulator, so
 * that full-screen programs come out as they looked; where no host can be started, the log without its escapes.
 */
export async function transcriptTail(
  terminals: TerminalRegistry,
  id: string,
  lines: number,
): Promise<string> {
  try {
    const drawn = await terminals.replay(id, { want: 'text', scrollback: Math.min(lines, DRAWN_LINES) })
    return lastLines(Buffer.from(drawn.data).toString('utf8'), lines)
  } catch {
    // Reading is worth more than drawing: the lesson of an attempt must not fail with the host.
    return await strippedTail(terminals, id, lines)
  }
}

/** As `transcriptTail`, from the log alone: cheap, for search and for line-oriented programs. Throws `terminal_missing`. */
export async function strippedTail(terminals: TerminalRegistry, id: string, lines: number): Promise<string> {
  const { end } = await terminals.readLog(id, 0, 0)
  const slice = await terminals.readLog(id, Math.max(0, end - STRIP_BYTES), STRIP_BYTES)
  return lastLines(stripEscapes(slice.bytes), lines)
}

function lastLines(text: string, lines: number): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}
