import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openKeychain } from './keychain.ts'
import { answerFrom } from './keychain-line.ts'

// Against a DOUBLE of Electron's safeStorage (testing/electron-double.ts): it shows what we ask of it and what we put on
// disk, not that the operating system keeps the key.
vi.mock('electron', () => import('./testing/electron-double.ts'))
const double = await import('./testing/electron-double.ts')

const TOKEN = 'ghp_token-that-nobody-may-see'
let dir: string
let path: string
beforeEach(async () => {
  double.resetElectron()
  dir = await mkdtemp(join(tmpdir(), 'quartet-keychain-'))
  path = join(dir, 'secrets.json')
})
afterEach(() => rm(dir, { recursive: true }))

describe('the keychain', () => {
  it('keeps secrets encrypted in a file of the user alone, over restarts, and forgets them', async () => {
    const keychain = openKeychain(path)
    expect(await keychain.available()).toBe(true)
    expect(await keychain.read('a')).toBeNull()
    // At once: neither write may lose the other.
    await Promise.all([keychain.write('a', TOKEN), keychain.write('b', 'other-secret')])
    const text = await readFile(path, 'utf8')
    for (const form of [TOKEN, Buffer.from(TOKEN).toString('base64'), 'other-secret'])
      expect(text).not.toContain(form)
    if (process.platform !== 'win32') expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(dir)).toEqual(['secrets.json'])
    const again = openKeychain(path)
    expect([await again.read('a'), await again.read('b')]).toEqual([TOKEN, 'other-secret'])
    await again.write('a', null)
    expect([await again.read('a'), await again.read('b')]).toEqual([null, 'other-secret'])
  })

  it.runIf(process.platform === 'linux')(
    'is none where the password would be one that everybody knows',
    async () => {
      for (const backend of ['basic_text', 'unknown']) {
        double.safeStorage.backend = backend
        expect(await openKeychain(path).available()).toBe(false)
      }
      double.safeStorage.backend = 'kwallet6'
      expect(await openKeychain(path).available()).toBe(true)
      double.safeStorage.works = false
      expect(await openKeychain(path).available()).toBe(false)
    },
  )

  it('encrypts anew when the key was changed', async () => {
    const keychain = openKeychain(path)
    await keychain.write('a', TOKEN)
    const before = (await stat(path)).ino
    double.safeStorage.rotated = true
    expect(await keychain.read('a')).toBe(TOKEN)
    expect((await stat(path)).ino).not.toBe(before)
    double.safeStorage.rotated = false
    expect(await keychain.read('a')).toBe(TOKEN)
  })

  it('answers with the reason when it refuses, and writes nothing where it is none', async () => {
    const keychain = openKeychain(path)
    await writeFile(path, JSON.stringify({ version: 1, secrets: { a: 'bm90IG91cnM=' } }))
    const ask = { type: 'secret' as const, id: 7, name: 'a', value: null }
    expect(await answerFrom(keychain, { ...ask, op: 'read' })).toMatchObject({
      id: 7,
      value: null,
      problem: 'this is not of this keychain',
    })
    // One that cannot be read does not keep a new one from being written.
    await keychain.write('a', TOKEN)
    expect(await keychain.read('a')).toBe(TOKEN)
    double.safeStorage.works = false
    const before = await readFile(path, 'utf8')
    expect(await answerFrom(keychain, { ...ask, op: 'write', value: 'x' })).toMatchObject({
      yes: false,
      problem: null,
    })
    expect(await readFile(path, 'utf8')).toBe(before)
  })
})
