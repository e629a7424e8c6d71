import type { DiffFile } from './diff-model.ts'

/** What the core can show; its word counts, the name only says whether to ask. SVG is text to git, and is read as that. */
const PICTURE = /\.(png|jpe?g|gif|webp)$/i

export const isPicture = (file: Pick<DiffFile, 'path' | 'binary'>): boolean =>
  file.binary && PICTURE.test(file.path)

/** The path of a changed picture on each side; null where there is none. */
export function sidesOf(file: Pick<DiffFile, 'path' | 'oldPath' | 'notes'>): {
  old: string | null
  new: string | null
} {
  return {
    old: file.notes.includes('New file') ? null : (file.oldPath ?? file.path),
    new: file.notes.includes('Deleted') ? null : file.path,
  }
}

/** Bytes as people say them: `812 B`, `12.4 kB`, `3.1 MB`. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}
