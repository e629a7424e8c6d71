import { existsSync } from 'node:fs'
import { findChromium } from './chromium.mjs'
import { findNode } from './node.mjs'
import { program } from './program.mjs'
import { duration, ownEnv, run } from './run.mjs'

const LIMIT_MS = 10 * 60_000

/** Path of the browser that Playwright downloaded before, else null. */
async function playwrightBrowser() {
  const result = await run(
    findNode(),
    ['-e', "process.stdout.write(require('playwright-core').chromium.executablePath())"],
    { env: ownEnv() },
  )
  return result.code === 0 && existsSync(result.output) ? result.output : null
}

/** The line of an installer's output that says what went wrong. */
function reasonOf(output) {
  const lines = output.split('\n').map((line) => line.trim())
  return (
    lines.find((line) => /^(E:|Err:|(?:\w*Error|Failed|error)\b)/i.test(line)) ??
    lines.findLast((line) => line !== '') ??
    'no reason given'
  )
}

/**
 * A Chromium for the e2e tests: the system's, else Debian's package (as root), else Playwright's download.
 * @param {(line: string) => void} say
 * @returns {Promise<{ ok: true, path: string } | { ok: false, why: string }>}
 */
export async function installChromium(say) {
  const have = findChromium() ?? (await playwrightBrowser())
  if (have) return { ok: true, path: have }
  const tried = []
  const apt = '/usr/bin/apt-get'
  if (existsSync(apt) && process.getuid?.() === 0) {
    say('Installing Chromium (apt-get) …')
    const started = performance.now()
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    // A list of packages that is older than the mirror names files that are gone, so it comes first.
    const update = await run(apt, ['update', '-q'], { env, timeoutMs: LIMIT_MS })
    const result = await run(apt, ['install', '-y', '-q', '--no-install-recommends', 'chromium'], {
      env,
      timeoutMs: LIMIT_MS,
    })
    const path = findChromium()
    if (path) {
      say(`Installed ${path} in ${duration(performance.now() - started)}.`)
      return { ok: true, path }
    }
    tried.push(`apt-get install chromium: ${reasonOf(`${update.output}\n${result.output}`)}`)
  }
  say('Fetching Chromium (Playwright) …')
  const cli = program('@playwright/test', 'playwright')
  const result = await run(findNode(), [cli, 'install', 'chromium'], { env: ownEnv(), timeoutMs: LIMIT_MS })
  const path = await playwrightBrowser()
  if (path) return { ok: true, path }
  tried.push(`playwright install chromium: ${reasonOf(result.output)}`)
  return {
    ok: false,
    why: `no Chromium on this machine and none could be installed; install Chromium, Chrome or Edge, or name one in QUARTET_CHROMIUM.\n${tried.join('\n')}`,
  }
}
