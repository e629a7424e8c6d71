import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { z } from 'zod'

// The web host as a process of its own, with the real core, started from its sources.

const ENTRY = join(import.meta.dirname, 'index.ts')
const Ready = z.object({ url: z.string(), token: z.string(), pid: z.number(), dataDir: z.string() })

let folder: string
const children: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartet-web-'))
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 25 })
})

async function serve(...args: string[]) {
  const child = spawn(process.execPath, [ENTRY, '--json', '--data-dir', join(folder, 'data'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const exit = once(child, 'exit')
  const line = await Promise.race([
    once(createInterface(child.stdout!), 'line').then(([text]: string[]) => text ?? ''),
    exit.then(([code]) => Promise.reject(new Error(`the host ended with ${code}`))),
  ])
  return { child, ready: Ready.parse(JSON.parse(line)), exit }
}

it('serves the real core, attaches a second start, and ends on a signal', async () => {
  const first = await serve()
  expect((await fetch(`${first.ready.url}/auth`)).status).toBe(401)
  const second = await serve()
  expect(second.ready).toEqual(first.ready)
  expect((await second.exit)[0]).toBe(0)
  first.child.kill('SIGTERM')
  expect((await first.exit)[0]).toBe(0)
})

it('starts again on its port after it was killed', async () => {
  const first = await serve()
  first.child.kill('SIGKILL')
  await first.exit
  const second = await serve()
  expect(second.ready).toMatchObject({ url: first.ready.url, token: first.ready.token })
})

it.runIf(process.platform === 'linux')(
  'shows its token to nobody who lists processes or reads its log',
  async () => {
    const { child, ready } = await serve()
    for (const name of ['cmdline', 'environ']) {
      expect(await readFile(`/proc/${child.pid}/${name}`, 'utf8')).not.toContain(ready.token)
    }
    const log = join(ready.dataDir, 'logs', 'core.log')
    await expect.poll(() => readFile(log, 'utf8').catch(() => '')).toContain('serving')
    expect(await readFile(log, 'utf8')).not.toContain(ready.token)
    // It listens on loopback alone: 0100007F is 127.0.0.1 as the kernel prints it.
    const port = Number(new URL(ready.url).port).toString(16).toUpperCase().padStart(4, '0')
    const listening =
      `${await readFile('/proc/net/tcp', 'utf8')}${await readFile('/proc/net/tcp6', 'utf8').catch(() => '')}`
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => state === '0A' && local?.endsWith(`:${port}`))
    expect(listening.map(([, local]) => local)).toEqual([`0100007F:${port}`])
  },
)
