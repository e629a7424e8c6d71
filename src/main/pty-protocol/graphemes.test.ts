import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'

const run = promisify(execFile)

/** Prints how wide an emoji family and two ideographs are drawn, and the MB of buffers, with `fill` in Node's shared pool. */
const SCRIPT = (fill: number) => `
  const { writeSync } = await import('node:fs')
  const poolSize = Buffer.poolSize
  const pool = Buffer.allocUnsafe(1).buffer
  new Uint8Array(pool).fill(${fill})
  const { graphemes } = await import('${join(import.meta.dirname, 'graphemes.ts')}')
  const { default: { Terminal } } = await import('@xterm/headless')
  const terminal = new Terminal({ cols: 80, rows: 5, allowProposedApi: true })
  terminal.loadAddon(graphemes())
  terminal.write('👩‍👩‍👧日本x', () => {
    const mb = Math.round(process.memoryUsage().arrayBuffers / 1e6)
    writeSync(1, JSON.stringify({ width: terminal.buffer.active.cursorX, mb, pooled: Buffer.poolSize === poolSize }))
  })`

describe('the width of characters', () => {
  for (const [name, fill] of [
    ['zeros, with which the addon itself does not even load', 0],
    ['text, which it takes for the size of its tables', 0x20],
  ] as const) {
    test(`does not hang on what lies in Node’s pool of small buffers: ${name}`, async () => {
      const args = ['--input-type=module', '-e', SCRIPT(fill)]
      const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname })
      const found: { width: number; mb: number; pooled: boolean } = JSON.parse(stdout)
      expect(found).toMatchObject({ width: 7, pooled: true })
      expect(found.mb).toBeLessThan(50)
    })
  }
})
