import { COMMANDS, type CommandId } from './commands.ts'

/** The part of a KeyboardEvent that decides. */
export interface KeyPress {
  key: string
  code: string
  ctrlKey: boolean
  shiftKey: boolean
  metaKey: boolean
  altKey: boolean
}

export interface KeyContext {
  mac: boolean
  /** A terminal or a text field has the keyboard: single letters are text there. */
  typing: boolean
  /** A dialog or popover is open: only what it shows may be touched. */
  covered: boolean
}

const BY_CODE: Record<string, string> = {
  Comma: ',',
  Period: '.',
  Slash: '/',
  Minus: '-',
  Equal: '=',
  NumpadAdd: '=',
  NumpadSubtract: '-',
  BracketLeft: '[',
  BracketRight: ']',
}

/** The key without what Shift makes of it: `Shift 1` is `1`, not `!`. */
function bareKey(press: KeyPress): string {
  const digit = press.code.match(/^(?:Digit|Numpad)([0-9])$/)?.[1]
  if (digit) return digit
  return BY_CODE[press.code] ?? (press.key.length === 1 ? press.key.toLowerCase() : press.key)
}

/** The app's own modifier: ⌘ on macOS; elsewhere Ctrl+Shift, because terminals need Ctrl. */
function hasAppModifier(press: KeyPress, mac: boolean): boolean {
  if (press.altKey) return false
  return mac ? press.metaKey && !press.ctrlKey : press.ctrlKey && press.shiftKey && !press.metaKey
}

/** True for a chord that belongs to the app even while a terminal has the keyboard. */
export function isAppChord(press: KeyPress, mac: boolean): boolean {
  if (!hasAppModifier(press, mac)) return false
  const key = bareKey(press)
  return COMMANDS.some((command) => command.app === key)
}

/** The command that a key press gives, or null. */
export function commandFor(press: KeyPress, context: KeyContext): CommandId | null {
  if (hasAppModifier(press, context.mac)) {
    const key = bareKey(press)
    const found = COMMANDS.find((command) => command.app === key)
    if (!found || (context.covered && !found.anywhere)) return null
    return found.id
  }
  if (context.typing || context.covered || press.ctrlKey || press.metaKey || press.altKey) return null
  const key = press.key === ' ' ? 'Space' : press.key
  const plain = COMMANDS.find((command) => command.plain?.includes(key))
  // A capital letter is no command: it is a slip of somebody who believes to type.
  return plain && (!press.shiftKey || !/^[a-z]$/i.test(key)) ? plain.id : null
}

const NAMES: Record<string, string> = {
  Escape: 'Esc',
  ArrowUp: '↑',
  ArrowDown: '↓',
  ArrowLeft: '←',
  ArrowRight: '→',
}

const shown = (key: string): string => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key)

/** All chords of a command as they are shown, the shortest first. */
export function chordsOf(id: CommandId, mac: boolean): string[] {
  const command = COMMANDS.find((candidate) => candidate.id === id)
  if (!command) return []
  const chords = (command.plain ?? []).map(shown)
  if (command.app) chords.push(mac ? `⌘${shown(command.app)}` : `Ctrl Shift ${shown(command.app)}`)
  return chords
}

/** macOS shows and uses other modifiers. */
export const isMac = (platform: string): boolean => /mac|iphone|ipad/i.test(platform)
