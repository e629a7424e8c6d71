const PASTE_START = '\x1b[200~'
const PASTE_END = '\x1b[201~'

/**
 * The writes that send `text` to a terminal interface: a bracketed paste without anything that could end it or act as a
 * key, then Enter as a write of its own (in one write with the paste, some interfaces take Enter for a line break).
 */
export function pasteAndEnter(text: string): readonly string[] {
  const clean = text.replace(/\r\n?/g, '\n').replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '')
  return [`${PASTE_START}${clean}${PASTE_END}`, '\r']
}

/** The writes for a program that reads plain lines: no paste marks, which it would take for text. */
export function lineAndEnter(text: string): readonly string[] {
  return [text.replace(/\s*[\r\n]+\s*/g, ' ').replace(/[\x00-\x1f\x7f-\x9f]/g, ''), '\r']
}
