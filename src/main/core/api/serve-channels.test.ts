import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import type { BinaryChannel } from '../options.ts'
import { messagePortChannel, webSocketChannel } from './serve-channels.ts'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0)) end()
})

interface Pair {
  core: BinaryChannel
  viewer: BinaryChannel
  raw(data: string): void
}

async function sockets(maxBufferedBytes?: number): Promise<Pair & { ws: WebSocket }> {
  const http = createServer()
  const server = new WebSocketServer({ server: http })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const ws = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`)
  const [core] = await Promise.all([
    new Promise<BinaryChannel>((resolve) =>
      server.on('connection', (peer) => resolve(webSocketChannel(peer, maxBufferedBytes))),
    ),
    once(ws, 'open'),
  ])
  ends.push(() => {
    ws.terminate()
    server.close()
    http.close()
  })
  return { core, viewer: webSocketChannel(ws), raw: (text) => ws.send(text), ws }
}

async function ports(): Promise<Pair> {
  const { port1, port2 } = new MessageChannel()
  ends.push(() => port1.close())
  return {
    core: messagePortChannel(port2),
    viewer: messagePortChannel(port1),
    raw: (text) => port1.postMessage(text),
  }
}

const next = (channel: BinaryChannel) =>
  new Promise<Uint8Array>((resolve) => {
    const heard = channel.onMessage((bytes) => {
      heard.dispose()
      resolve(bytes)
    })
  })
const closed = (channel: BinaryChannel) => new Promise<void>((resolve) => channel.onClose(() => resolve()))

describe.each([
  ['websocket', sockets],
  ['message-port', ports],
] as const)('terminal frames over %s', (_name, make) => {
  it('carries bytes both ways, unchanged', async () => {
    const { core, viewer } = await make()
    const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i % 256)
    const there = next(viewer)
    core.send(bytes)
    expect(Buffer.from(await there).equals(Buffer.from(bytes))).toBe(true)
    const back = next(core)
    viewer.send(new Uint8Array([0, 255]))
    expect([...(await back)]).toEqual([0, 255])
  })

  it('sends only what was asked of pooled memory, and leaves it usable', async () => {
    const { core, viewer } = await make()
    const pooled = Buffer.from('abcdef').subarray(1, 3)
    const there = next(viewer)
    core.send(pooled)
    const got = await there
    expect(Buffer.from(got).toString()).toBe('bc')
    expect(got.buffer.byteLength).toBeLessThan(1_000)
    expect(pooled.toString()).toBe('bc')
  })

  it('is closed for both when one closes, and sending later does nothing', async () => {
    const { core, viewer } = await make()
    const both = Promise.all([closed(core), closed(viewer)])
    core.onMessage(() => {})
    viewer.onMessage(() => {})
    viewer.close()
    await both
    core.send(new Uint8Array(1))
  })

  it('drops a peer that sends text', async () => {
    const { core, raw } = await make()
    const ended = closed(core)
    core.onMessage(() => {})
    raw('hello')
    await ended
  })
})

it('drops a viewer that does not read', async () => {
  const { core, ws } = await sockets(1024 * 1024)
  ws.pause()
  const ended = closed(core)
  let open = true
  void ended.then(() => {
    open = false
  })
  const frame = new Uint8Array(256 * 1024)
  let sent = 0
  // The kernel's buffers take some megabytes first.
  for (; open && sent < 400; sent++) {
    core.send(frame)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await ended
  expect(sent).toBeLessThan(400)
})
