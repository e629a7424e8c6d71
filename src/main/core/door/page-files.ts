import { readFile, realpath, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { isInside } from '../../kernel/paths.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.wasm': 'application/wasm',
}

/** Vite names these by their content: what a name stands for never changes. */
const HASHED = /^assets\/.+-[\w-]{8,}\.\w+$/

export interface PageFile {
  body: Buffer<ArrayBuffer>
  type: string
  cacheControl: string
}

/**
 * The file below `root` that the path of a URL (still percent-encoded, without query) names; `/` is index.html. Null for
 * whatever is not a plain file inside `root`, links resolved: no path and no link leads out.
 */
export async function readPageFile(root: string, urlPath: string): Promise<PageFile | null> {
  const segments = segmentsOf(urlPath)
  if (segments === null) return null
  const name = segments.length === 0 ? 'index.html' : segments.join('/')
  const type = TYPES[extname(name).toLowerCase()]
  if (type === undefined) return null
  try {
    const real = await realpath(join(root, ...name.split('/')))
    if (!isInside(await realpath(root), real) || !(await stat(real)).isFile()) return null
    return {
      body: await readFile(real),
      type,
      cacheControl: HASHED.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    }
  } catch (error) {
    if (
      error instanceof Error &&
      'code' in error &&
      ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(String(error.code))
    )
      return null
    throw error
  }
}

function segmentsOf(urlPath: string): string[] | null {
  let path: string
  try {
    path = decodeURIComponent(urlPath)
  } catch {
    return null
  }
  // Backslashes and colons are separators and drives on Windows; dot files are nobody's page.
  if (!path.startsWith('/') || /[\0\\:]/.test(path)) return null
  const segments = path.split('/').filter(Boolean)
  return segments.some((segment) => segment.startsWith('.')) ? null : segments
}
