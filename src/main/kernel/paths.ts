import { realpath } from 'node:fs/promises'
import { homedir } from 'node:os'
import { isAbsolute, join, relative, resolve, sep } from 'node:path'

/** True when `child` is `parent` or lies below it. Compares text only: resolve links first where they matter. */
export function isInside(parent: string, child: string): boolean {
  const way = relative(resolve(parent), resolve(child))
  return way === '' || (!isAbsolute(way) && way !== '..' && !way.startsWith(`..${sep}`))
}

/** The real path of the nearest ancestor of `path` that exists, with the missing rest appended. */
async function realpathOfNearest(path: string): Promise<string> {
  const missing: string[] = []
  for (let at = resolve(path); ; ) {
    try {
      return join(await realpath(at), ...missing)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      const parent = resolve(at, '..')
      if (parent === at) throw error
      missing.unshift(at.slice(parent === sep ? 1 : parent.length + 1))
      at = parent
    }
  }
}

/** True when `child` stays inside `parent` after symbolic links are resolved; both may not exist yet. */
export async function isReallyInside(parent: string, child: string): Promise<boolean> {
  return isInside(await realpathOfNearest(parent), await realpathOfNearest(child))
}

/** The platform's place for our data, unless `QUARTET_DATA_DIR` says otherwise. */
export function defaultDataDir(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.QUARTET_DATA_DIR) return resolve(env.QUARTET_DATA_DIR)
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Quartet')
  if (platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Quartet')
  return join(env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'quartet')
}

/**
 * A name that is safe as one path component and as part of a ref: `[a-z0-9-]`, at most `max` characters.
 * Two inputs may give the same slug: callers append an id.
 */
export function slug(text: string, max = 40): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, max)
    .replace(/-+$/g, '')
  return plain || 'task'
}
