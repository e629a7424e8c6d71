import { describe, expect, test } from 'vitest'
import type { LogMark } from '../../pty-protocol/log-files.ts'
import { replayMarks, wholeLetters } from './replay-marks.ts'

describe('the marks of a replay', () => {
  test('keep every size and the end, and thin out times evenly', () => {
    const marks: LogMark[] = [
      { k: 'open', at: 0, id: 't', epoch: 1, cols: 80, rows: 24 },
      ...Array.from({ length: 10 }, (_, i): LogMark => ({ k: 'time', at: i * 1_000, offset: i * 10 })),
      { k: 'size', at: 9_500, offset: 95, cols: 100, rows: 30 },
      { k: 'exit', at: 10_000, offset: 100, code: 0, signal: null, reason: 'exited' },
    ]
    const thin = replayMarks(marks, 4)
    expect(thin[0]).toEqual({ kind: 'open', at: 0, offset: 0, cols: 80, rows: 24 })
    expect(thin.filter((mark) => mark.kind === 'time').map((mark) => mark.offset)).toEqual([0, 30, 60, 90])
    expect(thin.slice(-2)).toEqual([
      { kind: 'size', at: 9_500, offset: 95, cols: 100, rows: 30 },
      { kind: 'exit', at: 10_000, offset: 100 },
    ])
    expect(replayMarks(marks)).toHaveLength(marks.length)
  })
})

describe('a slice of a log', () => {
  test('never ends within a letter, and loses no byte of it', () => {
    const all = new TextEncoder().encode('aé€😀z')
    for (let cut = 1; cut <= all.length; cut += 1) {
      const part = wholeLetters(all.subarray(0, cut))
      const rest = all.subarray(part.length)
      expect(new TextDecoder().decode(part) + new TextDecoder().decode(rest)).toBe('aé€😀z')
    }
  })

  test('goes on over what is no UTF-8', () => {
    expect(wholeLetters(Uint8Array.from([0x80, 0x80, 0x80, 0x80]))).toHaveLength(4)
    expect(wholeLetters(Uint8Array.from([0xf0]))).toHaveLength(1)
    expect(wholeLetters(new Uint8Array())).toHaveLength(0)
  })
})
