import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Random } from './test-random.ts'

/** What a connection goes through. Nothing is ever reordered: a stream does not. */
export interface Weather {
  /** Handed on in pieces of 1 to this many bytes. */
  piece: number
  /** Up to this many ms pass between two pieces. */
  pauseMs: number
  /** The connection is cut after 1 to this many bytes, somewhere within a frame; null: never. */
  cutAfter: number | null
}

/** Stands between a client and the socket it means, and makes the way as bad as asked. Slow readers push back through it. */
export class TestProxy {
  readonly path: string
  /** May be changed; connections under way see it. */
  weather: Weather
  cuts = 0
  /** Connections that were ever made. */
  joined = 0
  /** Bytes that were handed on to the client. */
  toClient = 0
  /** While set, the client gets nothing more, and nothing more is read for it. */
  held = false
  readonly #target: string
  readonly #random: Random
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(path: string, target: string, random: Random, weather: Weather) {
    this.path = path
    this.#target = target
    this.#random = random
    this.weather = weather
    this.#server = createServer((client) => this.#join(client))
  }

  static async start(path: string, target: string, random: Random, weather: Weather): Promise<TestProxy> {
    const proxy = new TestProxy(path, target, random, weather)
    proxy.#server.listen(path)
    await once(proxy.#server, 'listening')
    return proxy
  }

  cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.cutAll()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #join(client: Socket): void {
    this.joined++
    const server = connect(this.#target)
    const { cutAfter } = this.weather
    const budget = { left: cutAfter === null ? Number.POSITIVE_INFINITY : this.#random.between(1, cutAfter) }
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    void this.#carry(client, server, budget, false)
    void this.#carry(server, client, budget, true)
  }

  async #carry(from: Socket, to: Socket, budget: { left: number }, toClient: boolean): Promise<void> {
    try {
      for await (const data of from) {
        const chunk: Buffer = data
        for (let at = 0; at < chunk.length && !to.destroyed; ) {
          while (toClient && this.held) await nap(5)
          const piece = chunk.subarray(
            at,
            at + Math.min(budget.left, this.#random.between(1, this.weather.piece)),
          )
          at += piece.length
          budget.left -= piece.length
          if (toClient) this.toClient += piece.length
          if (budget.left <= 0) {
            this.cuts++
            to.end(piece, () => to.destroy())
            return
          }
          if (!to.write(piece)) await drained(to)
          if (this.weather.pauseMs > 0) await nap(this.#random.upTo(this.weather.pauseMs + 1))
        }
      }
    } catch {
      // A cut connection ends its reading with an error.
    }
    to.destroy()
  }
}

/** Resolves when `socket` takes more, or never will. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    const done = () => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}

const nap = (ms: number) => new Promise((done) => setTimeout(done, ms))
