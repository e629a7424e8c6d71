import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

export interface SampleRepository {
  /** A name for the folder. */
  name: string
  /** Path within the repository (with `/`) → its text. */
  files: Readonly<Record<string, string>>
  /** Message of the commit that holds them. */
  message: string
  /** A task that fits it, in Markdown. */
  brief: string
}

/** Files that are kept under another name: a `.gitignore` of that name would hide files of ours. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: '.gitignore' }
const BRIEF = 'BRIEF.md'

/**
 * The small JavaScript library that a first start can be tried on: it has tests without dependencies, a style check and a
 * WORKFLOW.md that names both as its checks. Writes nothing: the caller makes the repository.
 */
export async function sampleRepository(resourcesDir: string): Promise<SampleRepository> {
  const root = join(resourcesDir, 'sample')
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files: Record<string, string> = {}
  let brief = ''
  for (const entry of entries.filter((item) => item.isFile())) {
    const path = join(entry.parentPath, entry.name)
    const name = relative(root, path).split(sep).join('/')
    const text = await readFile(path, 'utf8')
    if (name === BRIEF) brief = text
    else files[RENAMED[name] ?? name] = text
  }
  return { name: 'lap-timer', files, message: 'A lap timer that counts minutes', brief }
}
