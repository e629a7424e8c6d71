import { basename, extname } from 'node:path/posix'
import type { PatchFile } from './patch-lines.ts'

export interface SecretFound {
  file: string
  line: number
  rule: string
  message: string
}

/** A line longer than this is data or minified: the detector's patterns would run for seconds on it. */
const MAX_LINE_CHARS = 10_000
const MAX_FOUND = 50
/** Added text of one file that is looked at. */
const MAX_FILE_CHARS = 2 * 1024 * 1024
const BATCH_CHARS = 128 * 1024

/**
 * Secrets in the added lines of a diff, by secretlint's recommended rules; never the secret itself. `skipped` names files
 * of which a part was too long to look at.
 */
export async function findSecrets(
  files: readonly PatchFile[],
  signal: AbortSignal,
): Promise<{ found: SecretFound[]; skipped: string[] }> {
  // Loaded when it is needed: the rules take 200 ms, which no start of the app should pay.
  const [{ lintSource }, { creator }] = await Promise.all([
    import('@secretlint/core'),
    import('@secretlint/secretlint-rule-preset-recommend'),
  ])
  const found: SecretFound[] = []
  const { batches, skipped } = batchesOf(files)
  for (const batch of batches) {
    if (signal.aborted || found.length >= MAX_FOUND) break
    const result = await lintSource({
      source: {
        filePath: `/${batch.path}`,
        content: batch.lines.map((line) => line.text).join('\n'),
        contentType: 'text',
        ext: extname(batch.path),
      },
      options: {
        config: {
          rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: creator, options: {} }],
        },
        maskSecrets: true,
      },
    })
    for (const message of result.messages) {
      const at = batch.lines
        .slice(message.loc.start.line - 1, message.loc.end.line)
        .find((line) => line.added)
      // A secret that was there before is not this change's.
      if (!at) continue
      found.push({
        file: at.file,
        line: at.line,
        rule: message.ruleId.replace(/^@secretlint\/secretlint-rule-/, ''),
        message: message.message
          .replace(/\(?\*{3,}\)?/g, '')
          .replace(/[\s:]+$/, '')
          .slice(0, 200),
      })
    }
  }
  return { found: found.slice(0, MAX_FOUND), skipped }
}

interface Batch {
  /** A file that stands for all: some rules look at the ending or the name. */
  path: string
  lines: { file: string; line: number; text: string; added: boolean }[]
}

/** Files of one ending are looked at together: each call costs 20 ms, which 400 files would feel. */
function batchesOf(files: readonly PatchFile[]): { batches: Batch[]; skipped: string[] } {
  const open = new Map<string, Batch & { room: number }>()
  const batches: Batch[] = []
  const skipped: string[] = []
  for (const file of files) {
    if (!file.lines.some((line) => line.added)) continue
    let room = MAX_FILE_CHARS
    const lines = file.lines.filter((line) => {
      room -= line.text.length
      return line.text.length <= MAX_LINE_CHARS && room >= 0
    })
    if (lines.length < file.lines.length) skipped.push(file.path)
    // A name that is all ending (`.npmrc`) is a kind of its own.
    const kind = extname(file.path) || basename(file.path)
    let batch = open.get(kind)
    if (!batch || batch.room <= 0) {
      batch = { path: file.path, lines: [], room: BATCH_CHARS }
      open.set(kind, batch)
      batches.push(batch)
    }
    batch.lines.push(...lines.map((line) => ({ ...line, file: file.path })))
    // Keeps two files from reading as one text.
    batch.lines.push({ file: file.path, line: 0, text: '', added: false })
    batch.room -= MAX_FILE_CHARS - room
  }
  return { batches, skipped }
}
