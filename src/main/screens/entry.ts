import { Socket } from 'node:net'
import { MemoryTidy } from '../kernel/memory-tidy.ts'
import { encodeWireFrame, WireDecoder } from '../pty-protocol/framing.ts'
import { SCREENS_FD, ToScreens } from '../pty-protocol/screen-messages.ts'
import { ScreenServer } from './screen-server.ts'

/**
 * The process that draws the screens of one pty-host, over the socket that it was started with. It holds nothing that could
 * not be drawn again from the logs, and leaves with its host.
 */
const socket = new Socket({ fd: SCREENS_FD, readable: true, writable: true })
const decoder = new WireDecoder()
let written = 0
const tidy = new MemoryTidy(() => written)

const server = new ScreenServer((message, tail) => {
  socket.cork()
  for (const part of encodeWireFrame(message, tail)) socket.write(part)
  socket.uncork()
})

// The terminal that the app was started from may close; a key that ends its programs is not meant for us.
for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {})

/** Nothing here is worth going on with a fault: the host starts another and has it draw everything again. */
const fail = (error: unknown) => {
  console.error(error)
  process.exit(1)
}

socket.on('data', (chunk) => {
  try {
    for (const { header, tail } of decoder.push(chunk)) {
      const message = ToScreens.parse(header)
      written += tail.length
      tidy.touch(message.op === 'freeze' || message.op === 'close')
      server.take(message, tail).catch(fail)
    }
  } catch (error) {
    fail(error)
  }
})
socket.on('error', () => process.exit(0))
socket.on('close', () => process.exit(0))
