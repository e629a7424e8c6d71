import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { isFailure } from '../../shared/domain/failure.ts'
import { readLock, takeLock } from './lock-file.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartet-lock-'))
  path = join(folder, 'core.lock')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const dead = async () => {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  const holder = { pid: child.pid, startedAt: '1' }
  await writeFile(path, JSON.stringify(holder))
  return holder
}

it('is held by one at a time and tells who', async () => {
  const lock = await takeLock(path)
  const refused = await takeLock(path).catch((error: unknown) => error)
  expect(isFailure(refused, 'data_dir_locked')).toBe(true)
  expect(refused).toMatchObject({ data: { holder: { pid: process.pid } } })
  await lock.describe({ url: 'http://127.0.0.1:1' })
  expect(await readLock(path)).toMatchObject({ pid: process.pid, url: 'http://127.0.0.1:1' })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await lock.release()
  expect(await readdir(folder)).toEqual([])
})

it('is taken over from a holder that died, by exactly one of many', async () => {
  for (let round = 0; round < 10; round++) {
    await dead()
    const all = await Promise.allSettled(Array.from({ length: 4 }, () => takeLock(path)))
    const taken = all.filter((result) => result.status === 'fulfilled')
    expect(taken).toHaveLength(1)
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ pid: process.pid })
    await taken[0]?.value.release()
    expect(await readdir(folder)).toEqual([])
  }
})

it('is taken over when it is unreadable, and when the one that was taking it over died too', async () => {
  await writeFile(path, '{"pid":')
  await (await takeLock(path)).release()
  const holder = await dead()
  const mark = createHash('sha256')
    .update(JSON.stringify([holder.pid, holder.startedAt]))
    .digest('hex')
  const claimer = spawn(process.execPath, ['-e', ''])
  await once(claimer, 'exit')
  await writeFile(`${path}.after-${mark.slice(0, 16)}`, JSON.stringify({ pid: claimer.pid, startedAt: '2' }))
  const lock = await takeLock(path)
  expect(await readdir(folder)).toEqual(['core.lock'])
  await lock.release()
})

it('never looks dead while its holder describes itself', async () => {
  const lock = await takeLock(path)
  let reading = true
  const reader = (async () => {
    let seen = 0
    while (reading) {
      expect(await readLock(path)).not.toBeNull()
      seen++
    }
    return seen
  })()
  for (let i = 0; i < 200; i++) await lock.describe({ url: `http://127.0.0.1:${i}/${'x'.repeat(i * 20)}` })
  reading = false
  expect(await reader).toBeGreaterThan(0)
})
