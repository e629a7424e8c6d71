import headlessModule from '@xterm/headless'
import type { PtyScreen } from '../../pty-protocol/pty-host.ts'
import type { TerminalRegistry } from './terminal.ts'

/** What a person sees on a terminal now. */
export interface ScreenText {
  /** Lines joined by newline, without blanks at their ends; rows that were wrapped are one line. */
  text: string
  /** Bytes that the program had written when it looked so. */
  offset: number
}

/** A host that does not answer within this is busy or gone. */
const ANSWER_MS = 5_000
/** More than a snapshot holds; without room nothing is sent. */
const ROOM_BYTES = 4 * 1024 * 1024

/** The visible screen of a live terminal as plain text; null when it has ended or its host does not answer. */
export async function readScreen(terminals: TerminalRegistry, id: string): Promise<ScreenText | null> {
  if (terminals.get(id)?.state !== 'live') return null
  const screen = await snapshotOf(terminals, id)
  return screen && { text: await draw(screen), offset: screen.offset }
}

function snapshotOf(terminals: TerminalRegistry, id: string): Promise<PtyScreen | null> {
  return new Promise((resolve) => {
    const late = setTimeout(() => done(null), ANSWER_MS)
    const done = (screen: PtyScreen | null) => {
      clearTimeout(late)
      resolve(screen)
      // Not at once: some hosts answer before `attach` has given the attachment.
      queueMicrotask(() => attachment.close())
    }
    const attachment = terminals.attach(id, null, {
      screen: (screen) => done(screen),
      output: () => {},
      resized: () => {},
      exited: () => done(null),
      failed: () => done(null),
    })
    attachment.grant(ROOM_BYTES)
  })
}

async function draw(screen: PtyScreen): Promise<string> {
  const terminal = new headlessModule.Terminal({
    cols: screen.cols,
    rows: screen.rows,
    scrollback: 1_000,
    allowProposedApi: true,
    logLevel: 'off',
  })
  try {
    await new Promise<void>((resolve) => terminal.write(screen.data, resolve))
    const buffer = terminal.buffer.active
    const lines: string[] = []
    for (let y = buffer.baseY; y < buffer.length; y++) {
      const line = buffer.getLine(y)
      if (!line) continue
      if (line.isWrapped && lines.length > 0) lines[lines.length - 1] += line.translateToString(true)
      else lines.push(line.translateToString(true))
    }
    return lines.join('\n').trimEnd()
  } finally {
    terminal.dispose()
  }
}
