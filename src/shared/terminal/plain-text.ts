import { EscapeFilter } from './escape-filter.ts'

/** Longest title or notice; longer ones are cut. */
export const MAX_TITLE_CHARS = 256

/** Controls (C0, DEL, C1), line and paragraph separators, and what turns the direction of text or hides in it. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g
/** A half of a surrogate pair without the other half. */
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** One line of harmless text from a program (title, notice): controls and bidi marks removed, at most 256 characters. */
export function plainTitle(text: string): string {
  const clean = text
    .slice(0, 4 * MAX_TITLE_CHARS)
    .replace(UNSAFE, '')
    .replace(LONE_SURROGATE, '')
    .trim()
  return Array.from(clean).slice(0, MAX_TITLE_CHARS).join('')
}

/** Escape sequences as the filter lets them through: whole and well-formed. */
const SEQUENCE =
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]|(?:\u001b[\]P]|[\u009d\u0090])[\s\S]*?(?:\u0007|\u001b\\|\u009c)|\u001b[ -/]*[0-~]/g
/** Jumps of the cursor: text on the two sides of one belongs to different places. */
const MOVES = /(?:\u001b\[|\u009b)[0-?]*[ -/]*[ABEFHdf]/g

/**
 * The readable text of terminal output: escape sequences and controls removed, line ends as `\n`, a line that was
 * overwritten after a carriage return keeps its last form. For search and analysis of line-oriented output; a full-screen
 * program is better drawn by the emulator (`PtyHost.replay`).
 */
export function stripEscapes(output: Uint8Array): string {
  // Wide enough that nothing meaningful is clamped; what counts here is that every sequence comes out whole.
  const filter = new EscapeFilter(1_000, 1_000)
  const text = new TextDecoder().decode(filter.push(output))
  return text
    .replace(MOVES, '\n')
    .replace(SEQUENCE, '')
    .replace(/\r+\n/g, '\n')
    .split('\n')
    .map((line) => applyBackspaces(line.slice(line.lastIndexOf('\r', line.length - 2) + 1)))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
}

function applyBackspaces(line: string): string {
  const plain = line.includes('\b') ? eraseBackwards(line) : line
  return plain.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '').trimEnd()
}

function eraseBackwards(line: string): string {
  const kept: string[] = []
  for (const char of line) {
    if (char === '\b') kept.pop()
    else kept.push(char)
  }
  return kept.join('')
}
