import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ROOT, Stop } from './run.mjs'

/** better-sqlite3 needs Node-API 10 (Node 22.14 and later) and crashes the process on anything older: asked before it is loaded. */
const NEEDED_NAPI = 10

const EXE = process.platform === 'win32' ? 'node.exe' : 'node'

/** True when a Node with these versions can run the core. */
export function isNewEnough(versions) {
  return Number(versions.napi) >= NEEDED_NAPI && Number.parseInt(versions.node, 10) >= 22
}

function versionsOf(path) {
  if (path === process.execPath) return process.versions
  const answer = spawnSync(path, ['-p', 'JSON.stringify(process.versions)'], {
    encoding: 'utf8',
    timeout: 10_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  try {
    return JSON.parse(answer.stdout)
  } catch {
    return null
  }
}

/** Path of a Node that can run the core: our own, the one that runs us, or the first good one on PATH. Throws `Stop`. */
export function findNode() {
  const own = join(ROOT, 'node_modules', 'node', 'bin', EXE)
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, EXE))
  for (const path of new Set([own, process.execPath, ...onPath])) {
    if (path !== process.execPath && !existsSync(path)) continue
    const versions = versionsOf(path)
    if (versions && isNewEnough(versions)) return path
  }
  throw new Stop(
    `Quartet's core needs Node.js 22.14 or newer; this is ${process.version} and no newer one was found on PATH.`,
  )
}
