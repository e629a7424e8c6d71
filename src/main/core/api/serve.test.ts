import { once } from 'node:events'
import { createServer } from 'node:http'
import {
  type AddressInfo,
  connect as connectTcp,
  createServer as createTcpServer,
  type Socket,
} from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { createORPCClient, ORPCError } from '@orpc/client'
import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import { implement } from '@orpc/server'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { type CoreClient, toFailure } from '../../../shared/contract/client.ts'
import { contract } from '../../../shared/contract/contract.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { StatePush } from '../../../shared/state/tables.ts'
import { createLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { type ApiServer, createApiServer, type ServedConnection } from './serve.ts'
import { MAX_RUNNING, MAX_STREAMS, MAX_WAITING } from './serve-limits.ts'
import { MAX_MESSAGE_BYTES, type PortLike } from './serve-pipe.ts'

// One suite, run over every transport that the hosts use: what holds for one must hold for all.

/** What the router of these tests saw and how it is told what to do. */
class Stage {
  generators = 0
  aborted = 0
  running = 0
  most = 0
  release: () => void = () => {}
  readonly held = new Promise<void>((resolve) => {
    this.release = resolve
  })
}

const push = (to: number): StatePush => ({ type: 'snapshot', epoch: 'e', to, rows: {}, facts: [] })

const until = async (what: string, condition: () => boolean) => {
  const deadline = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function routerOn(stage: Stage) {
  const os = implement(contract)
  const circle: Record<string, unknown> = {}
  circle.self = circle
  return {
    system: {
      info: os.system.info.handler(() => ({
        version: '1',
        host: 'web' as const,
        capabilities: {
          folderDialog: false,
          notifications: 'browser' as const,
          globalShortcut: false,
          revealInFileManager: false,
        },
        dataDir: '/d',
        platform: 'linux',
        home: '/h',
        pid: 1,
      })),
      doctor: os.system.doctor.handler(() => [{ name: 'n', status: 'ok' as const, detail: 'd' }]),
      // Breaks its own contract on purpose.
      settings: os.system.settings.handler(() => JSON.parse('{"theme":"pink"}')),
    },
    repositories: {
      inspect: os.repositories.inspect.handler(({ input }) => {
        if (input.path === 'secret')
          throw new Failure('git_failed', `Denied with ghp_${'x'.repeat(36)}.`, {
            stderr: 'denied for hunter22',
            argv: [{ header: `Bearer ghp_${'x'.repeat(36)}` }],
            exitCode: 128,
          })
        if (input.path === 'circle') throw new Failure('git_failed', 'Round.', { circle })
        throw new Failure('not_a_repository', `${input.path} is not a git repository.`, { path: input.path })
      }),
      list: os.repositories.list.handler(() => {
        throw new Error('password=hunter22 in /home/me')
      }),
      browse: os.repositories.browse.handler(async ({ signal }) => {
        stage.running++
        stage.most = Math.max(stage.most, stage.running)
        signal?.addEventListener('abort', () => stage.aborted++)
        await stage.held
        stage.running--
        return { path: '/', parent: null, entries: [] }
      }),
    },
    attempts: {
      answer: os.attempts.answer.handler(({ input }) => ({ delivered: input.text.length === 200_000 })),
      log: os.attempts.log.handler(({ input }) => ({
        text: 'x'.repeat(input.maxBytes * 4),
        next: 0,
        end: true,
        live: false,
        run: 1,
        runs: 1,
      })),
    },
    state: {
      subscribe: os.state.subscribe.handler(async function* ({ input, signal }) {
        stage.generators++
        try {
          yield push(1)
          yield push(2)
          if (input.clientId === 'ends') return
          if (input.clientId === 'fails') throw new Failure('not_found', 'Gone.')
          if (input.clientId === 'breaks') throw new Error('secret text')
          // Waits as a real subscription does: until the next change or the end of its client.
          await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))
        } finally {
          stage.generators--
        }
      }),
    },
  }
}

interface Wire {
  client: CoreClient
  served: ServedConnection
  /** Says something to the server that no link of ours would say. */
  raw(data: string | Uint8Array): void
  /** Ends the client's side without a good-bye. */
  drop(): void
  closed: Promise<unknown>
}

async function overSocket(
  server: ApiServer,
  onEnd: (end: () => void) => void,
  via: (port: number) => Promise<number>,
): Promise<Wire> {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http, maxPayload: MAX_MESSAGE_BYTES })
  const served = new Promise<ServedConnection>((resolve) => {
    sockets.on('connection', (ws) => resolve(server.serveWebSocket(ws)))
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const ws = new WebSocket(`ws://127.0.0.1:${await via((http.address() as AddressInfo).port)}`)
  await once(ws, 'open')
  onEnd(() => {
    ws.terminate()
    sockets.close()
    http.close()
  })
  return {
    client: createORPCClient(new SocketLink({ websocket: ws as never })),
    served: await served,
    raw: (data) => ws.send(data),
    drop: () => ws.terminate(),
    closed: once(ws, 'close'),
  }
}

/** A proxy that forwards in pieces of 1, 2, 3 … bytes first and of uneven size later; gives its port. */
async function shredder(target: number, onEnd: (end: () => void) => void): Promise<number> {
  const forward = (from: Socket, to: Socket) => {
    let piece = 0
    from.on('data', (data) => {
      for (let at = 0; at < data.byteLength; ) {
        piece++
        const size = piece < 64 ? piece % 8 || 1 : 1 + ((piece * 7919) % 16_381)
        to.write(data.subarray(at, at + size))
        at += size
      }
    })
    from.on('close', () => to.destroy())
    from.on('error', () => to.destroy())
  }
  const proxy = createTcpServer((near) => {
    const far = connectTcp({ port: target, host: '127.0.0.1', noDelay: true })
    near.setNoDelay(true)
    forward(near, far)
    forward(far, near)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  onEnd(() => proxy.close())
  return (proxy.address() as AddressInfo).port
}

const transports: Record<string, (server: ApiServer, onEnd: (end: () => void) => void) => Promise<Wire>> = {
  websocket: (server, onEnd) => overSocket(server, onEnd, async (port) => port),
  // A network cuts where it likes: in the middle of a frame's header as in the middle of a character.
  'websocket in shreds': (server, onEnd) => overSocket(server, onEnd, (port) => shredder(port, onEnd)),
  'message-port of Node': async (server, onEnd) => {
    const { port1, port2 } = new MessageChannel()
    const closed = once(port1, 'close')
    const client: CoreClient = createORPCClient(new PortLink({ port: port1 }))
    port1.start()
    onEnd(() => port1.close())
    return {
      client,
      served: server.serveMessagePort(port2),
      raw: (data) => port1.postMessage(data),
      drop: () => port1.close(),
      closed,
    }
  },
  // Electron's MessagePortMain emits `{data, ports}` and has no addEventListener: the same shape over a real channel.
  'message-port of Electron': async (server, onEnd) => {
    const { port1, port2 } = new MessageChannel()
    const main: PortLike = {
      postMessage: (message) => port2.postMessage(message),
      on: (event: 'message' | 'close', listener: (event: { data: unknown }) => void) =>
        port2.on(event, (data: unknown) => listener({ data })),
      start: () => port2.start(),
      close: () => port2.close(),
    }
    const closed = once(port1, 'close')
    const client: CoreClient = createORPCClient(new PortLink({ port: port1 }))
    port1.start()
    onEnd(() => port1.close())
    return {
      client,
      served: server.serveMessagePort(main),
      raw: (data) => port1.postMessage(data),
      drop: () => port1.close(),
      closed,
    }
  },
}

describe.each(Object.entries(transports))('the contract over %s', (_name, connect) => {
  let lines: string[]
  let stage: Stage
  let server: ApiServer
  let wire: Wire
  let ends: (() => void)[]

  beforeEach(async () => {
    lines = []
    ends = []
    stage = new Stage()
    const redactor = new Redactor()
    redactor.add('hunter22')
    server = createApiServer({
      router: routerOn(stage),
      log: createLogger((line) => lines.push(line), redactor),
      redactor,
    })
    wire = await connect(server, (end) => ends.push(end))
  })
  afterEach(() => {
    stage.release()
    for (const end of ends) end()
  })

  const failureOf = async (call: Promise<unknown>) =>
    toFailure(
      await call.then(
        () => new Error('did not fail'),
        (error: unknown) => error,
      ),
    )

  it('answers calls', async () => {
    expect(await wire.client.system.info()).toMatchObject({ version: '1', home: '/h' })
    expect(await wire.client.system.doctor()).toEqual([{ name: 'n', status: 'ok', detail: 'd' }])
  })

  it('carries a declared failure with its code, sentence and data', async () => {
    const failure = await failureOf(wire.client.repositories.inspect({ path: '/tmp/ü x' }))
    expect(failure).toBeInstanceOf(Failure)
    expect(failure).toMatchObject({
      code: 'not_a_repository',
      message: '/tmp/ü x is not a git repository.',
      data: { path: '/tmp/ü x' },
    })
  })

  it('carries no secret in a failure, however deep', async () => {
    const failure = await failureOf(wire.client.repositories.inspect({ path: 'secret' }))
    expect(failure).toMatchObject({
      code: 'git_failed',
      data: { stderr: 'denied for [redacted]', argv: [{ header: 'Bearer [redacted]' }], exitCode: 128 },
    })
    expect(JSON.stringify([failure, (failure as Failure).message])).not.toMatch(/hunter22|ghp_/)
  })

  it('survives a failure whose data cannot travel', async () => {
    expect(await failureOf(wire.client.repositories.inspect({ path: 'circle' }))).toMatchObject({
      code: 'git_failed',
      data: {},
    })
  })

  it('hides an unexpected error behind an id that finds its redacted log line', async () => {
    const error = await failureOf(wire.client.repositories.list())
    expect(error).toBeInstanceOf(ORPCError)
    const { code, data, message } = error as ORPCError<string, { errorId: string }>
    expect(code).toBe('INTERNAL')
    expect(data.errorId).toMatch(/^err_/)
    expect(JSON.stringify({ data, message })).not.toMatch(/password|home/)
    const line = lines.find((text) => text.includes(data.errorId))
    expect(line).toContain('repositories.list')
    expect(line).toContain('password=')
    expect(line).not.toContain('hunter22')
  })

  it('treats an answer that breaks the contract as a bug of ours', async () => {
    expect(await failureOf(wire.client.system.settings())).toMatchObject({ code: 'INTERNAL' })
    expect(lines.join()).toContain('theme')
  })

  it('says what is wrong with invalid input, and logs nothing', async () => {
    const failure = await failureOf(wire.client.repositories.inspect({ path: '' }))
    expect(failure).toMatchObject({ code: 'invalid_input' })
    expect((failure as Failure).message).toMatch(/^path: /)
    expect(lines).toEqual([])
  })

  it('names a call that this core does not know', async () => {
    const error = await failureOf(wire.client.history.facts({}))
    expect(error).toMatchObject({
      code: 'NOT_FOUND',
      message: 'This core has no history.facts: is it older than the window?',
    })
  })

  it('streams events, and cancelling ends the generator', async () => {
    const seen: number[] = []
    const events = await wire.client.state.subscribe({ clientId: 'a', known: null })
    for await (const event of events) {
      if (event.type === 'snapshot') seen.push(event.to)
      if (seen.length === 2) break
    }
    expect(seen).toEqual([1, 2])
    await until('generator ended', () => stage.generators === 0)
    await until('place given back', () => wire.served.limits.underWay.streams === 0)
  })

  it('ends a stream with its generator, and carries its failure or hides its error', async () => {
    const drain = async (clientId: string) => {
      const seen: StatePush[] = []
      for await (const event of await wire.client.state.subscribe({ clientId, known: null })) seen.push(event)
      return seen
    }
    expect(await drain('ends')).toHaveLength(2)
    expect(await failureOf(drain('fails'))).toMatchObject({ code: 'not_found', message: 'Gone.' })
    const hidden = await failureOf(drain('breaks'))
    expect(hidden).toMatchObject({ code: 'INTERNAL' })
    expect(JSON.stringify(hidden)).not.toContain('secret')
    expect(lines.join()).toContain('secret text')
    expect(wire.served.limits.underWay.streams).toBe(0)
  })

  it('hands an abort of the client to the handler', async () => {
    const abort = new AbortController()
    const call = wire.client.repositories.browse({}, { signal: abort.signal })
    await until('handler runs', () => stage.running === 1)
    abort.abort(new Error('enough'))
    await expect(call).rejects.toThrow('enough')
    await until('handler heard', () => stage.aborted === 1)
    expect(wire.served.limits.underWay.calls).toBe(0)
  })

  it('carries large payloads both ways', async () => {
    expect(await wire.client.attempts.answer({ id: 'a', text: 'ä'.repeat(200_000) })).toEqual({
      delivered: true,
    })
    expect((await wire.client.attempts.log({ id: 'a', maxBytes: 1_048_576 })).text).toHaveLength(4_194_304)
  })

  it(`runs at most ${MAX_RUNNING} calls at once and refuses what does not fit in line`, async () => {
    const all = MAX_RUNNING + MAX_WAITING
    const calls = Array.from({ length: all }, () => wire.client.repositories.browse({}))
    await until('line is full', () => wire.served.limits.underWay.calls === all)
    expect(await failureOf(wire.client.system.info())).toMatchObject({ code: 'limit' })
    stage.release()
    expect(await Promise.all(calls)).toHaveLength(all)
    expect(stage.most).toBe(MAX_RUNNING)
    expect(await wire.client.system.doctor()).toHaveLength(1)
  })

  it('bounds subscriptions', async () => {
    for (let i = 0; i < MAX_STREAMS; i++) {
      const events = await wire.client.state.subscribe({ clientId: `c${i}`, known: null })
      await events.next()
    }
    expect(await failureOf(wire.client.state.subscribe({ clientId: 'more', known: null }))).toMatchObject({
      code: 'limit',
    })
  })

  it('ends everything of a client that drops', async () => {
    const events = await wire.client.state.subscribe({ clientId: 'a', known: null })
    await events.next()
    const call = expect(wire.client.repositories.browse({})).rejects.toThrow()
    await until('both under way', () => stage.generators === 1 && stage.running === 1)
    wire.drop()
    await until('generator ended', () => stage.generators === 0)
    await until('call aborted', () => stage.aborted === 1)
    await until('forgotten', () => server.connections === 0)
    expect(wire.served.limits.underWay).toEqual({ calls: 0, streams: 0 })
    await call
  })

  it.each([
    ['no JSON', '{"i":'],
    ['no message', '[]'],
    ['a path that climbs', JSON.stringify({ i: '1', p: { u: '/../x' } })],
    ['a foreign URL', JSON.stringify({ i: '1', p: { u: 'http://evil.test/x' } })],
    ['an unknown type', JSON.stringify({ i: '1', t: 9 })],
    ['binary', new Uint8Array([1, 2, 3])],
    ['a giant', `"${'x'.repeat(MAX_MESSAGE_BYTES)}"`],
  ])('drops a client that sends %s, alone', async (_what, data) => {
    const other = await connect(server, (end) => ends.push(end))
    wire.raw(data)
    await wire.closed
    await until('forgotten', () => server.connections === 1)
    expect(await other.client.system.doctor()).toHaveLength(1)
    expect(lines.some((line) => line.includes('broke the protocol'))).toBe(true)
  })

  it('gives up at the deadline although the handler does not heed it', async () => {
    const hasty = createApiServer({
      router: routerOn(stage),
      log: createLogger(() => {}, new Redactor()),
      redactor: new Redactor(),
      deadlineOf: () => 30,
    })
    const other = await connect(hasty, (end) => ends.push(end))
    expect(await failureOf(other.client.repositories.browse({}))).toMatchObject({ code: 'timeout' })
    expect(stage.aborted).toBe(1)
    // A subscription lives longer than any deadline.
    const events = await other.client.state.subscribe({ clientId: 'a', known: null })
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect((await events.next()).value).toMatchObject({ to: 1 })
  })

  it('closes its side when the host ends', async () => {
    wire.served.dispose()
    await wire.closed
    expect(server.connections).toBe(0)
  })
})
