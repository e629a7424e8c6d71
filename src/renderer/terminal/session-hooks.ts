import { ring, silenceBell } from '../state/signals.ts'
import { toast } from '../state/toasts.ts'
import { plural } from '../ui/format.ts'
import { isAppChord } from '../ui/keymap.ts'
import { linkLies, openLink, safeLink } from '../ui/open-link.ts'
import { onMac } from '../ui/platform.ts'
import type { TerminalPool } from './terminal-pool.ts'
import type { SessionHooks } from './terminal-session.ts'
import { useTerminalUi } from './terminal-ui.ts'

/** Two presses of Escape within this leave a terminal; both reach the program, which may need them. */
const DOUBLE_ESCAPE_MS = 400

/** What the terminals of this window do beyond themselves. `pool` is asked late: it is made with these hooks. */
export function sessionHooks(pool: () => TerminalPool): (terminalId: string) => SessionHooks {
  let lastEscape = Number.NEGATIVE_INFINITY
  return (terminalId) => ({
    isAppKey: (event) => isAppChord(event, onMac),
    onKey: (event) => {
      silenceBell(terminalId)
      if (event.key !== 'Escape') return
      // xterm.js keeps Escape to itself, so it is seen here; it goes to the program first.
      if (event.timeStamp - lastEscape < DOUBLE_ESCAPE_MS)
        setTimeout(() => document.activeElement instanceof HTMLElement && document.activeElement.blur())
      lastEscape = event.timeStamp
    },
    onBell: () => {
      if (!pool().isFocused(terminalId) || !document.hasFocus()) ring(terminalId, Date.now())
    },
    onLink: (target, text) => {
      const url = safeLink(target)
      if (!url) toast('info', 'Only http and https links are opened from a terminal.')
      else if (linkLies(text, url)) useTerminalUi.setState({ link: { target: url.href, text } })
      else openLink(url.href)
    },
    onLinkHover: (target) =>
      useTerminalUi.setState({ hover: target === null ? null : { terminalId, target } }),
    onCopy: (text) => {
      void navigator.clipboard.writeText(text).then(
        () => toast('info', `The agent copied ${plural(text.length, 'character')} to the clipboard.`),
        () => toast('bad', 'The agent wanted to write the clipboard, but it is not allowed here.'),
      )
    },
    confirmPaste: (lines) =>
      new Promise((answer) => {
        useTerminalUi.getState().paste?.answer(false)
        useTerminalUi.setState({ paste: { lines, answer } })
      }),
    onInputRefused: () =>
      toast('bad', 'The program does not read what is typed. Nothing of the last input was sent.'),
  })
}
