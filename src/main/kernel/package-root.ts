import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The folder of our package, seen from a module of ours: sources, bundles and bundler chunks lie at different depths, so
 * it is found by its package.json. Throws when there is none above.
 */
export function packageRoot(from: string): string {
  for (let at = from; ; at = dirname(at)) {
    const manifest = join(at, 'package.json')
    if (existsSync(manifest) && readManifest(manifest).name === 'quartet') return at
    if (dirname(at) === at) throw new Error(`no package of ours above ${from}`)
  }
}

/** The version of our package. */
export function packageVersion(root: string): string {
  return readManifest(join(root, 'package.json')).version ?? '0.0.0'
}

function readManifest(path: string): { name?: string; version?: string } {
  return JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string }
}
