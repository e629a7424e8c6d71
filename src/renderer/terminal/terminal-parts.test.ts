import { describe, expect, test } from 'vitest'
import { clipboardText } from './clipboard-guard.ts'
import { fitGrid } from './fit.ts'
import { InputQueue } from './input-queue.ts'
import { cleanPaste, needsConfirmation, pasteKeys } from './paste.ts'
import { isSlow, median } from './renderer-budget.ts'
import { WriteQueue } from './write-queue.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('paste', () => {
  test('an end mark inside cannot end the paste, however it is nested', () => {
    expect(cleanPaste('\u001b[201~;id\n')).toBe(';id\n')
    expect(cleanPaste('\u001b[20\u001b[201~1~;id')).toBe(';id')
    expect(pasteKeys(cleanPaste('a\u001b[201~b'), true)).toBe('\u001b[200~ab\u001b[201~')
  })

  test('controls go, text and lines stay', () => {
    expect(cleanPaste('a\u0003b\u001bc\u009bd\te\r\nf\rg')).toBe('abcd\te\nf\ng')
    expect(pasteKeys('a\nb', false)).toBe('a\rb')
  })

  test('several lines ask first, unless the program takes pastes as such', () => {
    expect(needsConfirmation('one', false)).toBe(false)
    expect(needsConfirmation('one\n', false)).toBe(false)
    expect(needsConfirmation('one\ntwo', false)).toBe(true)
    expect(needsConfirmation('one\ntwo', true)).toBe(false)
  })
})

describe('fit', () => {
  const cell = { width: 8, height: 16 }
  test('whole cells beside the scroll bar', () => {
    expect(fitGrid(650, 400, cell)).toEqual({ cols: 80, rows: 25 })
  })
  test('a place or cell without a size gives nothing instead of zero', () => {
    expect(fitGrid(0, 400, cell)).toBeNull()
    expect(fitGrid(650, 400, { width: 0, height: 16 })).toBeNull()
    expect(fitGrid(650, 400, null)).toBeNull()
    expect(fitGrid(30, 10, cell)).toEqual({ cols: 20, rows: 4 })
  })
})

describe('clipboard guard', () => {
  test('takes what is written and answers no question', () => {
    expect(clipboardText(`c;${btoa('hello')}`)).toBe('hello')
    expect(clipboardText('c;?')).toBeNull()
    expect(clipboardText('c;')).toBeNull()
    expect(clipboardText('c;%%%')).toBeNull()
    expect(clipboardText('nothing')).toBeNull()
    expect(clipboardText(`c;${'A'.repeat(200_000)}`)).toBeNull()
  })
})

describe('input queue', () => {
  test('numbers go up over pushes and only what is unconfirmed is kept', () => {
    const queue = new InputQueue('w')
    expect(queue.push(bytes('a'))?.map((frame) => frame.seq)).toEqual([1])
    expect(queue.push(bytes('b'))?.map((frame) => frame.seq)).toEqual([2])
    queue.acked(1)
    expect(queue.unconfirmed().map((frame) => frame.seq)).toEqual([2])
  })

  test('a long input is cut into frames that join to the same', () => {
    const queue = new InputQueue('w')
    const long = new Uint8Array(100_000).map((_, index) => index % 251)
    const frames = queue.push(long) ?? []
    expect(frames.length).toBeGreaterThan(1)
    expect(Uint8Array.from(frames.flatMap((frame) => [...frame.bytes]))).toEqual(long)
  })

  test('what does not fit is refused whole', () => {
    const queue = new InputQueue('w')
    expect(queue.push(new Uint8Array(1024 * 1024))).not.toBeNull()
    expect(queue.push(bytes('x'))).toBeNull()
    queue.acked(Number.MAX_SAFE_INTEGER)
    expect(queue.push(bytes('x'))).not.toBeNull()
  })
})

describe('write queue', () => {
  test('joins output and keeps the order around a resize', () => {
    const queue = new WriteQueue()
    queue.bytes(bytes('a'))
    queue.bytes(bytes('b'))
    queue.resize(100, 30)
    queue.bytes(bytes('c'))
    expect(queue.take(0)).toEqual({ kind: 'bytes', bytes: bytes('ab') })
    expect(queue.take(1)).toBeNull()
    expect(queue.take(0)).toEqual({ kind: 'resize', cols: 100, rows: 30 })
    expect(queue.take(0)).toEqual({ kind: 'bytes', bytes: bytes('c') })
    expect(queue.empty).toBe(true)
  })

  test('a reset forgets what waited and says how much that was', () => {
    const queue = new WriteQueue()
    queue.bytes(bytes('abc'))
    queue.resize(1, 1)
    queue.bytes(bytes('de'))
    expect(queue.reset(80, 24)).toBe(5)
    queue.bytes(bytes('snapshot'))
    expect(queue.take(0)).toEqual({ kind: 'reset', cols: 80, rows: 24 })
    expect(queue.take(0)).toEqual({ kind: 'bytes', bytes: bytes('snapshot') })
  })

  test('one write is bounded', () => {
    const queue = new WriteQueue()
    for (let i = 0; i < 10; i++) queue.bytes(new Uint8Array(60_000))
    const first = queue.take(0)
    expect(first?.kind === 'bytes' && first.bytes.length).toBe(240_000)
  })
})

describe('choice of the renderer', () => {
  test('only a rate that is bad and worse than without speaks against WebGL', () => {
    expect(isSlow(16.7, 180)).toBe(true)
    expect(isSlow(16.7, 17)).toBe(false)
    expect(isSlow(33, 34)).toBe(false)
    expect(median([5, 1, 9])).toBe(5)
  })
})
