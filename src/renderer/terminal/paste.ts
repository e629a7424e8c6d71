/** C0 controls except tab, line feed and carriage return, DEL, and C1: none of them is text that a person pastes. */
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g
const BRACKETS = /\u001b\[20[01]~/g

/**
 * Pasted text without anything that a terminal would take as a key or a command: `ESC[201~` inside would end the
 * bracketed paste and run what follows.
 */
export function cleanPaste(text: string): string {
  // Removing one mark can join the halves of another: repeat until nothing is left.
  let clean = text
  for (;;) {
    const next = clean.replace(BRACKETS, '')
    if (next === clean) break
    clean = next
  }
  return clean.replace(CONTROLS, '').replace(/\r\n?/g, '\n')
}

/** The bytes to type for cleaned text. A line feed is the Enter key, as in every terminal. */
export function pasteKeys(clean: string, bracketed: boolean): string {
  const keys = clean.replace(/\n/g, '\r')
  return bracketed ? `\u001b[200~${keys}\u001b[201~` : keys
}

/** Without bracketed paste every line but the last runs at once: that wants a question first. */
export function needsConfirmation(clean: string, bracketed: boolean): boolean {
  return !bracketed && clean.replace(/\n+$/, '').includes('\n')
}
