import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { alone } from './lock.mjs'
import { findNode } from './node.mjs'
import { program } from './program.mjs'
import { duration, ownEnv, ROOT, run, Stop, tail } from './run.mjs'

const STAMP = join(ROOT, 'out', '.quartet-build')
const CONFIG = join(ROOT, 'electron.vite.config.ts')

/** Folders and files that the build reads. Tests are not built, so changing one must not cost a build. */
const INPUTS = [
  'src',
  'resources',
  'electron.vite.config.ts',
  'tsconfig.json',
  'package.json',
  'package-lock.json',
]
const IS_TEST = /\.test\.tsx?$/

/** A build without one of these is none. */
const OUTPUTS = [
  'out/main/cli.js',
  'out/main/web.js',
  'out/main/pty-host.js',
  'out/main/screens.js',
  'out/renderer/index.html',
]

function files(path) {
  if (!existsSync(path)) return []
  const entries = (() => {
    try {
      return readdirSync(path, { withFileTypes: true })
    } catch (error) {
      if (error.code === 'ENOTDIR') return null
      throw error
    }
  })()
  if (!entries) return [path]
  return entries.flatMap((entry) =>
    entry.isDirectory()
      ? files(join(path, entry.name))
      : IS_TEST.test(entry.name)
        ? []
        : [join(path, entry.name)],
  )
}

/** Hash over the content of everything that the build reads: touching a file or changing branches and back builds nothing. */
export function inputHash() {
  const hash = createHash('sha256')
  for (const path of INPUTS.flatMap((input) => files(join(ROOT, input))).sort()) {
    hash.update(relative(ROOT, path)).update('\0').update(readFileSync(path)).update('\0')
  }
  return hash.digest('hex')
}

function stamped() {
  try {
    return readFileSync(STAMP, 'utf8')
  } catch {
    return null
  }
}

const isComplete = () => OUTPUTS.every((path) => existsSync(join(ROOT, path)))

/** True when `out/` is what the sources say; always in an installed package, which has no sources. */
export function isFresh() {
  if (!existsSync(CONFIG)) return isComplete()
  return isComplete() && stamped() === inputHash()
}

/**
 * Builds both hosts into `out/` when it is stale.
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} true when something was built
 */
export async function build(say) {
  if (isFresh()) return false
  if (!existsSync(CONFIG))
    throw new Stop('This package of Quartet is incomplete: its “out” folder is missing.')
  return alone('build', async () => {
    if (isFresh()) return false
    const before = inputHash()
    say('Building …')
    const started = performance.now()
    rmSync(STAMP, { force: true })
    const result = await run(findNode(), [program('electron-vite'), 'build', '--logLevel', 'warn'], {
      env: ownEnv({ NODE_ENV: 'production' }),
    })
    if (result.code !== 0) throw new Stop(`The build failed.\n${tail(result.output)}`)
    if (!isComplete()) {
      const missing = OUTPUTS.filter((path) => !existsSync(join(ROOT, path)))
      throw new Stop(`The build ended without ${missing.join(', ')}.\n${tail(result.output)}`)
    }
    // Of the sources as they were when it began: one that changed meanwhile is built again next time.
    writeFileSync(STAMP, before)
    say(`Built in ${duration(performance.now() - started)}.`)
    return true
  })
}
