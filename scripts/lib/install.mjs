import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { alone } from './lock.mjs'
import { duration, ROOT, run, Stop, tail } from './run.mjs'

const LOCKFILE = join(ROOT, 'package-lock.json')
const STAMP = join(ROOT, 'node_modules', '.quartet-lock')
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json')

/** A sick registry must not hold a start for ever. */
const LIMIT_MS = 15 * 60_000

/** What the installed tree depends on: the lockfile, and the platform whose binaries were chosen. */
function wanted() {
  return createHash('sha256')
    .update(readFileSync(LOCKFILE))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex')
}

function stamped() {
  try {
    return readFileSync(STAMP, 'utf8')
  } catch {
    return null
  }
}

/**
 * True when npm itself recorded, at the end of an install, exactly the packages of the lockfile: somebody ran `npm ci`
 * by hand, and doing it again would only take time.
 */
function isInstalledByHand() {
  try {
    const want = JSON.parse(readFileSync(LOCKFILE, 'utf8')).packages
    const have = JSON.parse(readFileSync(INSTALLED, 'utf8')).packages
    return Object.entries(want).every(([path, entry]) => {
      if (path === '') return true
      const found = have[path]
      // Optional packages are those of other platforms.
      if (!found) return entry.optional === true && !isForThisPlatform(entry)
      if (found.version !== entry.version || found.integrity !== entry.integrity) return false
      // npm writes its record for an install of the lockfile alone, too.
      return existsSync(join(ROOT, path))
    })
  } catch {
    return false
  }
}

function isForThisPlatform(entry) {
  const fits = (list, value) => !list || list.includes(value)
  // Without a platform of its own an optional package may be left out for reasons that npm knows.
  if (!entry.os && !entry.cpu) return false
  const libc = process.report?.getReport?.().header?.glibcVersionRuntime ? 'glibc' : 'musl'
  return (
    fits(entry.os, process.platform) &&
    fits(entry.cpu, process.arch) &&
    (process.platform !== 'linux' || fits(entry.libc, libc))
  )
}

/**
 * Makes node_modules what the lockfile says; runs `npm ci` only when it is not. In an installed package there is no
 * lockfile and nothing to do.
 * @param {(line: string) => void} say
 * @returns {Promise<boolean>} true when something was installed
 */
export async function install(say) {
  if (!existsSync(LOCKFILE) || stamped() === wanted()) return false
  return alone('install', async () => {
    const want = wanted()
    // Another process may have done it while this one waited.
    if (stamped() === want) return false
    if (isInstalledByHand()) {
      writeFileSync(STAMP, want)
      return false
    }
    say('Installing packages (npm ci) …')
    const started = performance.now()
    const npm = npmCommand()
    const result = await run(
      npm.program,
      [...npm.args, 'ci', '--no-audit', '--no-fund', '--loglevel=error'],
      {
        env: installEnv(),
        timeoutMs: LIMIT_MS,
      },
    )
    if (result.code !== 0) throw new Stop(whyNpmFailed(result, 'the packages'))
    writeFileSync(STAMP, want)
    say(`Installed in ${duration(performance.now() - started)}.`)
    return true
  })
}

/** npm as it runs us when it does, else the one on PATH. On Windows npm is a script that only a shell can run. */
export function npmCommand() {
  const cli = process.env.npm_execpath
  if (cli && /npm-cli\.[cm]?js$/.test(cli) && existsSync(cli))
    return { program: process.execPath, args: [cli] }
  if (process.platform === 'win32') return { program: 'cmd.exe', args: ['/d', '/s', '/c', 'npm'] }
  return { program: 'npm', args: [] }
}

/** Inside `npm test` the variables of that run would make the inner npm behave differently (omit dev, prefix, flags). */
export function installEnv() {
  const env = { ...process.env }
  for (const name of Object.keys(env)) {
    if (/^npm_config_(only|omit|production|include|global|prefix|dry_run|ignore_scripts)$/i.test(name))
      delete env[name]
  }
  // NODE_ENV=production leaves out the tools that build Quartet.
  delete env.NODE_ENV
  return env
}

/**
 * Why an install of npm ended without success, as one sentence and npm's last words.
 * @param {{ output: string, timedOut: boolean, code: number }} result of `run`
 * @param {string} what was to be installed
 */
export function whyNpmFailed({ output, timedOut, code }, what) {
  const last = tail(output, 15)
  if (timedOut)
    return `npm took more than 15 minutes for ${what} and was stopped. Is the npm registry reachable?`
  if (code === 127) return 'npm was not found. Quartet needs Node.js 20 or newer with npm.'
  if (/ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|ECONNRESET/.test(output))
    return `The npm registry cannot be reached, so ${what} could not be installed.`
  if (/ENOSPC/.test(output)) return `The disk is full, so ${what} could not be installed.\n${last}`
  if (/EACCES|EPERM/.test(output))
    return `No permission to write ${join(ROOT, 'node_modules')}, so ${what} could not be installed.\n${last}`
  return `npm could not install ${what}.\n${last}`
}
