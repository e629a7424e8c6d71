import { describe, expect, test } from 'vitest'
import { backoffMs } from '../connection/backoff.ts'
import { age, compact, duration, money, plainLine, sha7, stint, took } from './format.ts'
import { linkLies, safeLink } from './open-link.ts'

describe('format', () => {
  test('spans of time', () => {
    expect(duration(-5)).toBe('0 s')
    expect(duration(59_999)).toBe('59 s')
    expect(duration(192_000)).toBe('3:12')
    expect(duration(7_500_000)).toBe('2 h 5 min')
    expect(duration(7_200_000)).toBe('2 h')
    expect(duration(300_000_000)).toBe('3 d')
    expect(age(-5)).toBe('now')
    expect(age(59_999)).toBe('now')
    expect(age(150_000)).toBe('2 min')
    expect(stint(59_999)).toBe('< 1 min')
    expect(stint(192_000)).toBe('3 min')
    expect(stint(7_500_000)).toBe('2 h 5 min')
    expect(took(420)).toBe('420 ms')
    expect(took(2_450)).toBe('2.5 s')
    expect(took(75_000)).toBe('1:15')
  })

  test('sums', () => {
    expect(money(0.004)).toBe('< $0.01')
    expect(money(0.42)).toBe('$0.42')
    expect(money(1234)).toBe('$1234')
    expect(compact(999)).toBe('999')
    expect(compact(1_234)).toBe('1.2k')
    expect(compact(2_500_000)).toBe('2.5M')
    expect(sha7(null)).toBe('–')
  })

  test('text of others cannot turn a line around or hide in it', () => {
    expect(plainLine('safe\u202egnp.exe')).toBe('safe gnp.exe')
    expect(plainLine('a\u0000b\u001b[31mc\n\nd')).toBe('a b [31mc d')
    expect(plainLine('x'.repeat(300))).toHaveLength(256)
  })
})

describe('links', () => {
  test.each([
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vscode://x',
    'smb://host/x',
    'ssh://host',
    'ftp://host/x',
    'mailto:a@b.c',
    'blob:https://a.b/x',
    'http://user:secret@host/',
    '//host/x',
    'not a link',
    '',
  ])('%s is not opened', (text) => {
    expect(safeLink(text)).toBeNull()
  })

  test('http and https are, and a text that names another host lies', () => {
    const url = safeLink('https://evil.example/login')
    expect(url?.hostname).toBe('evil.example')
    expect(linkLies('https://github.com/login', url as URL)).toBe(true)
    expect(linkLies('github.com', url as URL)).toBe(true)
    expect(linkLies('https://evil.example/other', url as URL)).toBe(false)
    expect(linkLies('the login page', url as URL)).toBe(false)
  })
})

describe('back-off', () => {
  test('grows to a bound and spreads', () => {
    expect(backoffMs(0, 0)).toBe(150)
    expect(backoffMs(0, 1)).toBe(300)
    expect(backoffMs(3, 1)).toBe(2_400)
    expect(backoffMs(40, 1)).toBe(8_000)
    expect(backoffMs(40, 0)).toBe(4_000)
  })
})
