import { describe, expect, test } from 'vitest'
import { COMMANDS } from './commands.ts'
import { chordsOf, commandFor, isAppChord, type KeyContext, type KeyPress } from './keymap.ts'

const press = (key: string, part: Partial<KeyPress> = {}): KeyPress => ({
  key,
  code: /^[a-z]$/i.test(key) ? `Key${key.toUpperCase()}` : '',
  ctrlKey: false,
  shiftKey: false,
  metaKey: false,
  altKey: false,
  ...part,
})
const free: KeyContext = { mac: false, typing: false, covered: false }
const typing: KeyContext = { ...free, typing: true }
const ctrlShift = { ctrlKey: true, shiftKey: true }

describe('keymap', () => {
  test('single letters work only while nothing takes text', () => {
    expect(commandFor(press('m'), free)).toBe('verdict.mergeable')
    expect(commandFor(press('m'), typing)).toBeNull()
    expect(commandFor(press('m'), { ...free, covered: true })).toBeNull()
    expect(commandFor(press(' ', { code: 'Space' }), free)).toBe('nav.needsMe')
    expect(commandFor(press('?', { shiftKey: true, code: 'Slash' }), free)).toBe('app.help')
  })

  test('a capital letter or a chord of the system is no command', () => {
    expect(commandFor(press('M', { shiftKey: true }), free)).toBeNull()
    expect(commandFor(press('m', { ctrlKey: true }), free)).toBeNull()
    expect(commandFor(press('m', { altKey: true }), free)).toBeNull()
    expect(commandFor(press('m', { metaKey: true }), free)).toBeNull()
  })

  test('the app modifier works while a terminal has the keyboard, by the key and not by what Shift makes of it', () => {
    expect(commandFor(press('N', ctrlShift), typing)).toBe('task.new')
    expect(commandFor(press('!', { ...ctrlShift, code: 'Digit1' }), typing)).toBe('tile.1')
    expect(commandFor(press('<', { ...ctrlShift, code: 'Comma' }), typing)).toBe('app.settings')
    expect(commandFor(press('n', { metaKey: true }), { ...typing, mac: true })).toBe('task.new')
    expect(commandFor(press('N', ctrlShift), { ...typing, mac: true })).toBeNull()
  })

  test('a terminal loses no Ctrl key and no Alt key', () => {
    for (const key of 'abcdefghijklmnopqrstuvwxyz') {
      expect(isAppChord(press(key, { ctrlKey: true }), false), `Ctrl+${key}`).toBe(false)
      expect(isAppChord(press(key, { altKey: true }), false), `Alt+${key}`).toBe(false)
      expect(isAppChord(press(key, { ctrlKey: true }), true), `Ctrl+${key} on macOS`).toBe(false)
    }
    expect(isAppChord(press('K', ctrlShift), false)).toBe(true)
  })

  test('with a dialog open only the palette may come', () => {
    const covered = { ...typing, covered: true }
    expect(commandFor(press('K', ctrlShift), covered)).toBe('app.palette')
    expect(commandFor(press('M', ctrlShift), covered)).toBeNull()
  })

  test('no key means two things', () => {
    const seen = new Map<string, string>()
    for (const command of COMMANDS) {
      for (const key of [...(command.plain ?? []), ...(command.app ? [`app ${command.app}`] : [])]) {
        expect(seen.get(key), `${key}: ${command.id} and ${seen.get(key)}`).toBeUndefined()
        seen.set(key, command.id)
      }
    }
  })

  test('chords are shown as the machine names them', () => {
    expect(chordsOf('app.palette', true)).toEqual(['⌘K'])
    expect(chordsOf('app.palette', false)).toEqual(['Ctrl Shift K'])
    expect(chordsOf('terminal.leave', false)).toEqual(['Ctrl Shift Esc'])
  })
})
