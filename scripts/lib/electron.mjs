import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findNode } from './node.mjs'
import { ROOT, run } from './run.mjs'

const PACKAGE = join(ROOT, 'node_modules', 'electron')
const MEMORY = join(ROOT, 'node_modules', '.cache', 'quartet', 'electron.json')

const FETCH_LIMIT_MS = 60_000
/** A download that failed is not tried again for a day: each start would otherwise wait for it. */
const REMEMBER_MS = 24 * 60 * 60_000

/** Path of Electron's program when its binary is here and of the right version, else null. */
export function electronBinary() {
  try {
    const { version } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'))
    const unpacked = readFileSync(join(PACKAGE, 'dist', 'version'), 'utf8')
      .trim()
      .replace(/^v/, '')
    const path = join(PACKAGE, 'dist', readFileSync(join(PACKAGE, 'path.txt'), 'utf8'))
    return unpacked === version && existsSync(path) ? path : null
  } catch {
    return null
  }
}

/**
 * Electron's program, fetched when it is missing.
 * @param {{ retry: boolean, say: (line: string) => void }} options `retry` ignores that an earlier download failed
 * @returns {Promise<{ path: string } | { path: null, why: string }>}
 */
export async function ensureElectron({ retry, say }) {
  const have = electronBinary()
  if (have) return { path: have }
  const installer = join(PACKAGE, 'install.js')
  if (!existsSync(installer)) return { path: null, why: 'Electron is not installed' }
  const failed = recall()
  if (!retry && failed) return { path: null, why: `Electron's binary could not be downloaded (${failed})` }
  say('Fetching Electron …')
  const result = await run(findNode(), [installer], { timeoutMs: FETCH_LIMIT_MS })
  const path = electronBinary()
  if (path) return { path }
  const why = result.timedOut
    ? `no answer within ${FETCH_LIMIT_MS / 1000} s`
    : (/\b(ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET|ENOSPC|EACCES)\b/.exec(result.output)?.[1] ??
      result.output.trim().split('\n')[0]?.slice(0, 120) ??
      'unknown reason')
  mkdirSync(dirname(MEMORY), { recursive: true })
  writeFileSync(MEMORY, JSON.stringify({ at: Date.now(), why }))
  return { path: null, why: `Electron's binary could not be downloaded (${why})` }
}

function recall() {
  try {
    const { at, why } = JSON.parse(readFileSync(MEMORY, 'utf8'))
    return Date.now() - at < REMEMBER_MS ? why : null
  } catch {
    return null
  }
}
