import { createHash, randomBytes } from 'node:crypto'
import { chmod, lstat, mkdir, open, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../../shared/domain/failure.ts'

/** `sun_path` holds 108 bytes on Linux, 104 on macOS, with the closing zero. */
const MAX_SOCKET_PATH_BYTES = 100
const SECRET_BYTES = 32

/** Folder of the pty-host of one data directory: descriptors, secret, socket, its own log. */
export function hostDir(dataDir: string): string {
  return join(dataDir, 'pty-host')
}

/** Lock and descriptor of the host of one protocol version: `{pid, startedAt, url}`, `url` being its socket. */
export function descriptorPath(dataDir: string, version: number): string {
  return join(hostDir(dataDir), `host-v${version}.json`)
}

/** Versions that have, or had, a host here. */
export async function describedVersions(dataDir: string): Promise<number[]> {
  const names = await readdir(hostDir(dataDir)).catch(() => [])
  return names.flatMap((name) => {
    const match = /^host-v(\d+)\.json$/.exec(name)
    return match ? [Number(match[1])] : []
  })
}

/** Makes the folder, readable by nobody else. */
export async function prepareHostDir(dataDir: string): Promise<string> {
  const dir = hostDir(dataDir)
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await chmod(dir, 0o700)
  return dir
}

/**
 * Where the host of `version` listens: in its folder, or where that path is too long for a socket, in a folder of ours
 * below the runtime or temporary directory. Throws `pty_failed` when somebody else made that folder.
 */
export async function socketPath(
  dataDir: string,
  version: number,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const name = `v${version}.sock`
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\quartet-${hash}-v${version}`
  const near = join(hostDir(dataDir), name)
  if (Buffer.byteLength(near) <= MAX_SOCKET_PATH_BYTES) return near
  const folder = join(env.XDG_RUNTIME_DIR || tmpdir(), `quartet-${hash}`)
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
  const found = await lstat(folder)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new Failure('pty_failed', `The folder ${folder} is not ours alone.`, { folder })
  }
  return join(folder, name)
}

/** The secret that core and host share by a file nobody else reads; made by whoever comes first. */
export async function sharedSecret(dataDir: string): Promise<Buffer> {
  const path = join(hostDir(dataDir), 'secret')
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(randomBytes(SECRET_BYTES))
      await file.sync()
    } finally {
      await file.close()
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  for (let tries = 0; ; tries++) {
    const secret = await readFile(path)
    if (secret.length === SECRET_BYTES) return secret
    // The other side has made the file and not filled it yet.
    if (tries >= 50) throw new Failure('pty_failed', 'The secret of the terminal host is damaged.', { path })
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
