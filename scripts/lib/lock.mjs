import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, Stop } from './run.mjs'

/** Longer than any install or build here: who waits this long waits for a process that hangs. */
const LIMIT_MS = 10 * 60_000

/** True while process `pid` lives (one of another user counts as living). */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/**
 * Runs `work` while no other process installs or builds this checkout: two `quartet` commands at once would otherwise
 * build over each other. The lock lies in out/ itself: an install empties node_modules, and a build the folders below out/.
 */
export async function alone(name, work) {
  mkdirSync(join(ROOT, 'out'), { recursive: true })
  const path = join(ROOT, 'out', `.${name}.lock`)
  const started = Date.now()
  for (;;) {
    try {
      mkdirSync(path, { mode: 0o700 })
      writeFileSync(join(path, 'pid'), String(process.pid))
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      const holder = readHolder(path)
      // A holder that has not written its pid yet gets a moment; one that died leaves the lock to us.
      const abandoned = holder === null ? Date.now() - started > 5_000 : !isAlive(holder)
      if (abandoned) rmSync(path, { recursive: true, force: true })
      else if (Date.now() - started > LIMIT_MS)
        throw new Stop(`Process ${holder} has been busy with this checkout for ten minutes (${path}).`)
      else await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  try {
    return await work()
  } finally {
    rmSync(path, { recursive: true, force: true })
  }
}

function readHolder(path) {
  try {
    return Number.parseInt(readFileSync(join(path, 'pid'), 'utf8'), 10) || null
  } catch {
    return null
  }
}
