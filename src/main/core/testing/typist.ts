import { onTestFinished } from 'vitest'
import { encodeClientFrame } from '../../../shared/contract/terminal-frames.ts'
import type { BinaryChannel, Core } from '../options.ts'

/** A person at a window that shows one terminal: what it types takes the way that a viewer's keys take. */
export function typist(core: Core, terminalId: string): { press(keys: string): void } {
  let hear: (bytes: Uint8Array) => void = () => {}
  let closed: () => void = () => {}
  const channel: BinaryChannel = {
    send: () => {},
    onMessage: (listener) => {
      hear = listener
      return { dispose: () => (hear = () => {}) }
    },
    onClose: (listener) => {
      closed = listener
      return { dispose: () => {} }
    },
    close: () => closed(),
  }
  core.connectTerminals(channel)
  onTestFinished(() => closed())
  const viewId = 1
  hear(
    encodeClientFrame({
      kind: 'open',
      viewId,
      terminalId,
      writer: `typist-${terminalId}`,
      from: null,
      cols: 120,
      rows: 32,
      focused: true,
      visible: true,
    }),
  )
  let seq = 0
  return {
    press: (keys) => hear(encodeClientFrame({ kind: 'input', viewId, seq: ++seq, bytes: Buffer.from(keys) })),
  }
}
