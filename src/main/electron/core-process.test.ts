import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { silentLogger } from '../kernel/logger.ts'
import { CoreProcess, type UtilityLike } from './core-process.ts'
import { askKeychain } from './keychain-line.ts'

/** A process that does what the test says. */
class Child extends EventEmitter implements UtilityLike<string> {
  readonly heard: { message: unknown; ports: string[] | undefined }[] = []
  kills = 0
  postMessage(message: unknown, ports?: string[]) {
    this.heard.push({ message, ports })
  }
  kill() {
    this.kills++
    this.emit('exit', 143)
    return true
  }
}

let children: Child[]
let time: number
let core: CoreProcess<string>
const kept = new Map<string, string>()
beforeEach(() => {
  children = []
  time = 0
  core = new CoreProcess<string>({
    fork: () => {
      const child = new Child()
      children.push(child)
      return child
    },
    keychain: {
      available: async () => true,
      read: async (name) => kept.get(name) ?? null,
      write: async (name, value) => {
        if (value === null) kept.delete(name)
        else kept.set(name, value)
      },
    },
    clock: { now: () => time, monotonic: () => time },
    log: silentLogger,
    backoffMs: 1,
    maxBackoffMs: 4,
    endMs: 20,
  })
})
// A crashed one still waits for its restart.
afterEach(() => core.end({ stopAgents: false }))
const count = (n: number) => expect.poll(() => children.length, { timeout: 10_000, interval: 2 }).toBe(n)
const last = () => children.at(-1) ?? new Child()

it('hands ports to a core that is ready, and to no other', () => {
  core.start()
  expect(core.connect('rpc', 'terminals')).toBe(false)
  last().emit('message', { type: 'ready', url: 'u' })
  expect(core.connect('rpc', 'terminals')).toBe(true)
  expect(last().heard).toEqual([{ message: { type: 'connect' }, ports: ['rpc', 'terminals'] }])
})

it('is the line to the keychain', async () => {
  core.start()
  const child = last()
  // The core's own end, over the same line.
  const line = new EventEmitter()
  const post = child.postMessage.bind(child)
  child.postMessage = (message: unknown, ports?: string[]) => {
    post(message, ports)
    line.emit('message', { data: message })
  }
  const secrets = askKeychain({
    on: (event, listener) => line.on(event, listener),
    postMessage: (message) => child.emit('message', message),
  })
  expect(await secrets.available()).toBe(true)
  await secrets.write('a', 'one')
  expect([await secrets.read('a'), await secrets.read('b')]).toEqual(['one', null])
  await secrets.write('a', null)
  expect([await secrets.read('a'), kept.size]).toEqual([null, 0])
})

it('starts a crashed core again and says so', async () => {
  const ready: string[] = []
  core.onReady.on(({ url }) => ready.push(url))
  core.start()
  last().emit('message', { type: 'ready', url: 'first' })
  last().emit('exit', 139)
  expect(core.ready).toBe(false)
  await count(2)
  last().emit('message', { type: 'ready', url: 'second' })
  expect(ready).toEqual(['first', 'second'])
})

it('gives up after five crashes in two minutes, and tries again when told to', async () => {
  let gaveUp = 0
  core.onGaveUp.on(() => gaveUp++)
  core.start()
  for (let crash = 1; crash <= 4; crash++) {
    last().emit('exit', 1)
    await count(crash + 1)
  }
  expect(gaveUp).toBe(0)
  last().emit('exit', 1)
  expect(gaveUp).toBe(1)
  core.restart()
  expect(children).toHaveLength(6)
})

it('does not give up on crashes that are far apart', async () => {
  let gaveUp = 0
  core.onGaveUp.on(() => gaveUp++)
  core.start()
  for (let crash = 1; crash <= 8; crash++) {
    time += 60_000
    last().emit('exit', 1)
    await count(crash + 1)
  }
  expect(gaveUp).toBe(0)
})

it('does not start again what failed for a reason, unless told to', async () => {
  const reasons: string[] = []
  core.onFailed.on(({ message }) => reasons.push(message))
  let ended = 0
  core.onEnded.on(() => ended++)
  core.start()
  const failed = { type: 'failed', code: 'database_newer', message: 'Newer.', url: null }
  last().emit('message', failed)
  // Told before the process is gone: it waits for that.
  core.restart()
  expect(children).toHaveLength(1)
  last().emit('exit', 0)
  expect(children).toHaveLength(2)
  last().emit('message', failed)
  last().emit('exit', 0)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(children).toHaveLength(2)
  expect(reasons).toEqual(['Newer.', 'Newer.'])
  expect(ended).toBe(0)
})

it('asks whether something is at work; a dead core is not', async () => {
  expect(await core.busy()).toBe(false)
  core.start()
  last().emit('message', { type: 'ready', url: 'u' })
  const asked = core.busy()
  expect(last().heard.at(-1)?.message).toEqual({ type: 'busy?', id: 1 })
  last().emit('message', { type: 'busy', id: 1, busy: true })
  expect(await asked).toBe(true)
  const never = core.busy()
  last().emit('exit', 1)
  expect(await never).toBe(false)
})

it('ends in order, by force when it takes too long, and never starts again', async () => {
  core.start()
  last().emit('message', { type: 'ready', url: 'u' })
  const ending = core.end({ stopAgents: true })
  expect(last().heard.at(-1)?.message).toEqual({ type: 'end', stopAgents: true })
  await ending
  expect(last().kills).toBe(1)
  core.start()
  expect(children).toHaveLength(1)
})

it('says when a client ended the core', () => {
  let ended = 0
  core.onEnded.on(() => ended++)
  core.start()
  last().emit('message', { type: 'ready', url: 'u' })
  last().emit('message', { type: 'ended' })
  last().emit('exit', 0)
  expect(ended).toBe(1)
  expect(children).toHaveLength(1)
})

it('is not confused by words that it does not know', () => {
  core.start()
  for (const noise of [null, 'ready', { type: 'ready' }, { type: 'busy', id: 'x', busy: 1 }])
    last().emit('message', noise)
  expect(core.ready).toBe(false)
})
