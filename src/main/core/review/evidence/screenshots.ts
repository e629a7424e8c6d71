import { copyFile, glob, mkdir, open, stat } from 'node:fs/promises'
import { extname, isAbsolute, join } from 'node:path'
import { isReallyInside } from '../../../kernel/paths.ts'
import { PICTURE_HEAD_BYTES, pictureType } from '../pictures.ts'

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
    const head = Buffer.alloc(PICTURE_HEAD_BYTES)
    await file.read(head, 0, head.length, 0)
    const mime = pictureType(head)
    return mime ? { mime, bytes: entry.size } : null
  } finally {
    await file.close()
  }
}
