import { randomBytes } from 'node:crypto'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'

const TOKEN = /^[\w-]{43}$/

/**
 * The secret of this data directory: 32 random bytes in base64url, in a file that only its owner can read. Created once;
 * one that others could have read, or that is no token, is replaced.
 */
export async function loadToken(path: string): Promise<string> {
  const kept = await readToken(path)
  if (kept !== null) return kept
  const token = randomBytes(32).toString('base64url')
  // Whole or not at all: a client that reads at this moment must not see half a token.
  const draft = `${path}.${process.pid}`
  await rm(draft, { force: true })
  await writeFile(draft, `${token}\n`, { mode: 0o600, flag: 'wx' })
  await rename(draft, path)
  return token
}

async function readToken(path: string): Promise<string | null> {
  try {
    const { mode, uid } = await stat(path)
    if (process.platform !== 'win32' && ((mode & 0o077) !== 0 || uid !== process.getuid?.())) return null
    const text = (await readFile(path, 'utf8')).trim()
    return TOKEN.test(text) ? text : null
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
