import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { safeStorage } from 'electron'
import { z } from 'zod'
import type { SecretStore } from '../kernel/secret-store.ts'

/** What lies on disk: encrypted by a key that the operating system keeps, as base64, by name. */
const Stored = z.object({ version: z.literal(1), secrets: z.record(z.string(), z.base64()) })
type Secrets = z.infer<typeof Stored>['secrets']

/**
 * Secrets in the file at `path` (0600), encrypted by the operating system's keychain. Not available on a Linux desktop
 * without a password manager: Electron would then encrypt with a password that everybody knows (`basic_text`).
 */
export function openKeychain(path: string): SecretStore {
  const load = async (): Promise<Secrets> => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    return text === null ? {} : Stored.parse(JSON.parse(text)).secrets
  }
  const save = async (secrets: Secrets): Promise<void> => {
    const draft = `${path}.${randomBytes(6).toString('hex')}`
    try {
      await writeFile(draft, JSON.stringify({ version: 1, secrets }), { mode: 0o600, flag: 'wx' })
      await rename(draft, path)
    } finally {
      await rm(draft, { force: true })
    }
  }
  // One after the other: two writes at once would each save without what the other adds.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }
  const put = async (name: string, value: string | null) => {
    const { [name]: _old, ...others } = await load()
    const encrypted = value === null ? null : await safeStorage.encryptStringAsync(value)
    await save(encrypted === null ? others : { ...others, [name]: encrypted.toString('base64') })
  }

  return {
    available: async () => {
      if (process.platform === 'linux') {
        const backend = safeStorage.getSelectedStorageBackend()
        if (backend === 'basic_text' || backend === 'unknown') return false
      }
      return safeStorage.isAsyncEncryptionAvailable()
    },
    read: (name) =>
      inTurn(async () => {
        const encrypted = (await load())[name]
        if (encrypted === undefined) return null
        const { result, shouldReEncrypt } = await safeStorage.decryptStringAsync(
          Buffer.from(encrypted, 'base64'),
        )
        if (shouldReEncrypt) await put(name, result)
        return result
      }),
    write: (name, value) => inTurn(() => put(name, value)),
  }
}
