import { copyFile, glob, mkdir, open, stat } from 'node:fs/promises'
import { extname, isAbsolute, join } from 'node:path'
import { isReallyInside } from '../../../kernel/paths.ts'

export interface Screenshot {
  /** Name of the copy. */
  name: string
  /** Where it lay in the worktree. */
  path: string
  mime: string
  bytes: number
}

const MAX_PICTURES = 20
const MAX_BYTES = 5 * 1024 * 1024
/** Entries of the worktree that are looked at. */
const MAX_ENTRIES = 5_000
const ENDING = /\.(png|jpe?g|webp|gif)$/i

/** Pictures by their first bytes: a name proves nothing, and what is no picture is not shown. SVG is a program, not a picture. */
const MAGIC: readonly (readonly [string, (head: Buffer) => boolean])[] = [
  ['image/png', (head) => head.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]))],
  ['image/jpeg', (head) => head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff],
  ['image/gif', (head) => head.subarray(0, 4).toString('latin1') === 'GIF8'],
  [
    'image/webp',
    (head) =>
      head.subarray(0, 4).toString('latin1') === 'RIFF' && head.subarray(8, 12).toString('latin1') === 'WEBP',
  ],
]

/**
 * Copies pictures below the configured paths (files, folders or globs, relative to the worktree) into `to`, newest names
 * last, at most 20 of 5 MiB: the worktree will be gone some day. Gives what was copied.
 */
export async function keepScreenshots(
  worktree: string,
  patterns: readonly string[],
  to: string,
  signal: AbortSignal,
): Promise<Screenshot[]> {
  const kept: Screenshot[] = []
  for (const path of await list(worktree, patterns, signal)) {
    if (kept.length >= MAX_PICTURES || signal.aborted) break
    const from = join(worktree, path)
    // A link out of the worktree would show a file of the engineer's.
    if (!(await isReallyInside(worktree, from))) continue
    const picture = await look(from)
    if (!picture) continue
    const name = `${kept.length + 1}${extname(path).toLowerCase()}`
    await mkdir(to, { recursive: true, mode: 0o700 })
    await copyFile(from, join(to, name))
    kept.push({ name, path, ...picture })
  }
  return kept
}

async function list(worktree: string, patterns: readonly string[], signal: AbortSignal): Promise<string[]> {
  const found = new Set<string>()
  let seen = 0
  for (const pattern of patterns) {
    if (isAbsolute(pattern) || pattern.split('/').includes('..')) continue
    const folder = await stat(join(worktree, pattern)).then(
      (entry) => entry.isDirectory(),
      () => false,
    )
    for await (const path of glob(folder ? `${pattern.replace(/\/$/, '')}/**` : pattern, {
      cwd: worktree,
      exclude: (name) => name === 'node_modules' || name === '.git',
    })) {
      if (++seen > MAX_ENTRIES || signal.aborted) return [...found].sort()
      if (ENDING.test(path)) found.add(path)
    }
  }
  return [...found].sort()
}

async function look(path: string): Promise<{ mime: string; bytes: number } | null> {
  const file = await open(path).catch(() => null)
  if (!file) return null
  try {
    const entry = await file.stat()
    if (!entry.isFile() || entry.size === 0 || entry.size > MAX_BYTES) return null
    const head = Buffer.alloc(16)
    await file.read(head, 0, head.length, 0)
    const mime = MAGIC.find(([, is]) => is(head))?.[0]
    return mime ? { mime, bytes: entry.size } : null
  } finally {
    await file.close()
  }
}
