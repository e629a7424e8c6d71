import type { Readable, Writable } from 'node:stream'
import type { TerminalChannel } from './terminal-channel.ts'

const LENGTH_BYTES = 4

/** A channel over a stream of bytes, each message behind its length: what a WebSocket is to the product. A cut ends it anywhere. */
export function wireChannel(input: Readable, output: Writable): TerminalChannel {
  let rest: Buffer = Buffer.alloc(0)
  let open = true
  let close: () => void = () => {}
  const end = () => {
    if (!open) return
    open = false
    input.destroy()
    output.destroy()
    close()
  }
  for (const stream of [input, output]) {
    stream.on('error', end)
    stream.on('close', end)
  }
  return {
    send(bytes) {
      if (!open) return
      const head = Buffer.alloc(LENGTH_BYTES)
      head.writeUInt32BE(bytes.length)
      output.write(Buffer.concat([head, bytes]))
    },
    // Read from here on, so that nothing that came before is missed.
    onMessage(listener) {
      input.on('data', (chunk: Buffer) => {
        rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
        while (open && rest.length >= LENGTH_BYTES) {
          const size = rest.readUInt32BE(0)
          if (rest.length < LENGTH_BYTES + size) return
          const message = rest.subarray(LENGTH_BYTES, LENGTH_BYTES + size)
          rest = rest.subarray(LENGTH_BYTES + size)
          listener(message)
        }
      })
    },
    onClose: (listener) => {
      close = listener
    },
    close: end,
  }
}
