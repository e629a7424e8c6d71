import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { installEnv, npmCommand, whyNpmFailed } from './install.mjs'
import { alone } from './lock.mjs'
import { findNode } from './node.mjs'
import { program } from './program.mjs'
import { duration, ownEnv, ROOT, run, Stop } from './run.mjs'
import { readTotals } from './vitest-report.mjs'

/** What the tests were written against; a newer one is tried by changing the number here. */
const AGENTS = {
  '@openai/codex': '0.169.0',
  '@anthropic-ai/claude-code': '2.1.330',
  '@google/gemini-cli': '0.61.0',
  'opencode-ai': '1.18.33',
}
/** They are large: a slow line takes minutes. */
const INSTALL_LIMIT_MS = 15 * 60_000
const REPORT = join(ROOT, 'node_modules', '.cache', 'quartet', 'results', 'agents.json')

const folder = () => process.env.QUARTET_AGENTS_DIR ?? join(ROOT, 'node_modules', '.cache', 'quartet-agents')

function versionIn(dir, name) {
  try {
    return JSON.parse(readFileSync(join(dir, 'node_modules', name, 'package.json'), 'utf8')).version
  } catch {
    return null
  }
}

/** True when the real agents are there, in the versions that the tests were written against. */
export function hasAgents() {
  const dir = folder()
  // npm writes its own record last: without it an install was cut off.
  if (!existsSync(join(dir, 'node_modules', '.package-lock.json'))) return false
  return Object.entries(AGENTS).every(([name, version]) => versionIn(dir, name) === version)
}

/**
 * Installs the real agents into a folder of their own (1.2 GB: too large for the lockfile) unless they are there.
 * @param {(line: string) => void} say
 * @throws {Stop} one sentence that says why they could not be installed
 */
async function installAgents(say) {
  if (hasAgents()) return
  await alone('install-agents', async () => {
    // Another process may have done it while this one waited.
    if (hasAgents()) return
    const dir = folder()
    const names = Object.entries(AGENTS).map((entry) => entry.join('@'))
    say(`Installing ${names.join(' and ')} into ${dir} …`)
    const started = performance.now()
    mkdirSync(dir, { recursive: true })
    const manifest = {
      name: 'quartet-agents',
      private: true,
      dependencies: AGENTS,
      allowScripts: { '@anthropic-ai/claude-code': true, 'opencode-ai': true },
    }
    writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    const npm = npmCommand()
    const result = await run(
      npm.program,
      [...npm.args, 'install', '--no-audit', '--no-fund', '--loglevel=error'],
      { cwd: dir, env: installEnv(), timeoutMs: INSTALL_LIMIT_MS },
    )
    if (result.code !== 0) throw new Stop(whyNpmFailed(result, 'the real agents'))
    say(`Installed in ${duration(performance.now() - started)}.`)
  })
}

/**
 * Drives the real agents through Quartet, against a scripted model on this machine. The build must be there.
 * @param {(line: string) => void} say
 * @param {string[]} args handed to vitest
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 * @throws {Stop} when the agents cannot be installed
 */
export async function testAgents(say, args) {
  await installAgents(say)
  mkdirSync(join(REPORT, '..'), { recursive: true })
  rmSync(REPORT, { force: true })
  const result = await run(
    findNode(),
    [
      program('vitest'),
      ...['run', '--config', 'vitest.agents.config.ts', '--passWithNoTests'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
      ...args,
    ],
    { env: ownEnv({ QUARTET_AGENTS_DIR: folder() }), show: true },
  )
  return readTotals(REPORT, result.code)
}
