#!/usr/bin/env node
// `npm test`: everything that is needed is installed and built first, then every check runs. The last line is
// `N passed, N failed`: one for each static check, one for each test.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { hasAgents, testAgents } from './lib/agents.mjs'
import { build } from './lib/build.mjs'
import { installChromium } from './lib/chromium-install.mjs'
import { electronBinary } from './lib/electron.mjs'
import { install } from './lib/install.mjs'
import { findNode } from './lib/node.mjs'
import { program } from './lib/program.mjs'
import { duration, main, ownEnv, ROOT, run, Stop, tail } from './lib/run.mjs'
import { readTotals } from './lib/vitest-report.mjs'

const KINDS = ['static', 'unit', 'e2e', 'agents']
const HELP = `npm test -- [--only ${KINDS.join('|')}] [FILTER…]

  --only KIND   only these: static (format, lint, types, layers), unit (unit and integration), e2e (a real browser),
                agents (the real agents, 1.1 GB from npm: else run with CI=true, or once they are installed)
  FILTER        part of a test file's path, handed to vitest and Playwright

QUARTET_E2E_ELECTRON=0 leaves the Electron specs out, =1 fails when they cannot run.
QUARTET_CHROMIUM names the browser to test with.`

const RESULTS = join(ROOT, 'node_modules', '.cache', 'quartet', 'results')
const say = (line) => console.log(line)

/** Each static check counts as one. What they print is shown when they fail. */
const STATIC = [
  { name: 'format and lint', script: () => program('@biomejs/biome', 'biome'), args: ['check', '.'] },
  {
    name: 'types',
    script: () => program('typescript-native', 'tsc'),
    args: ['-p', 'tsconfig.json', '--noEmit'],
  },
  {
    name: 'layers',
    script: () => program('dependency-cruiser', 'depcruise'),
    args: ['--config', '.dependency-cruiser.cjs', 'src'],
  },
]

async function runStatic(node) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const check of STATIC) {
    const started = performance.now()
    const result = await run(node, [check.script(), ...check.args], { env: ownEnv() })
    const time = duration(performance.now() - started)
    if (result.code === 0) {
      total.passed++
      say(`✓ ${check.name} (${time})`)
    } else {
      total.failed++
      say(`✗ ${check.name} (${time})\n${tail(result.output, 200)}`)
    }
  }
  return total
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

async function runUnit(node, filters) {
  const report = join(RESULTS, 'unit.json')
  rmSync(report, { force: true })
  const started = performance.now()
  const result = await run(
    node,
    [
      program('vitest'),
      'run',
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
      ...filters,
    ],
    { env: ownEnv(), show: true },
  )
  const total = readTotals(report, result.code)
  summary('unit and integration', total, started)
  return total
}

async function runE2e(node, filters) {
  const started = performance.now()
  const total = { passed: 0, failed: 0, skipped: 0 }
  const browser = await installChromium(say)
  if (!browser.ok) {
    say(`✗ e2e: ${browser.why}`)
    return { ...total, failed: 1 }
  }
  const env = { ...(browser.path ? { QUARTET_CHROMIUM: browser.path } : {}) }
  const electron = process.env.QUARTET_E2E_ELECTRON
  if (electron === '0') say('!! SKIPPED: the Electron specs (QUARTET_E2E_ELECTRON=0).')
  else if (electronBinary()) env.QUARTET_E2E_ELECTRON = '1'
  else if (electron === '1') {
    say('✗ Electron specs: QUARTET_E2E_ELECTRON=1, but the binary is missing. Run `npx install-electron`.')
    total.failed++
    env.QUARTET_E2E_ELECTRON = '0'
  } else {
    say(
      '!! SKIPPED: the Electron specs. Its binary is not on this machine; `npx install-electron` fetches it.',
    )
    env.QUARTET_E2E_ELECTRON = '0'
  }
  const report = join(RESULTS, 'e2e.json')
  rmSync(report, { force: true })
  const result = await run(
    node,
    [
      program('@playwright/test', 'playwright'),
      'test',
      '--pass-with-no-tests',
      '--reporter=list,json',
      ...filters,
    ],
    { env: ownEnv({ ...env, PLAYWRIGHT_JSON_OUTPUT_FILE: report }), show: true },
  )
  const json = readJson(report)
  total.passed += (json?.stats?.expected ?? 0) + (json?.stats?.flaky ?? 0)
  total.skipped += json?.stats?.skipped ?? 0
  total.failed += json?.stats?.unexpected ?? 0
  // Errors outside of tests: a spec that cannot be loaded, a worker that died.
  if (result.code !== 0 && total.failed === 0) total.failed = Math.max(1, json?.errors?.length ?? 1)
  summary('e2e', total, started)
  return total
}

async function runAgents(filters) {
  const started = performance.now()
  try {
    const total = await testAgents(say, filters)
    summary('real agents', total, started)
    return total
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    say(`✗ real agents: ${error.message}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

function summary(name, { passed, failed, skipped }, started) {
  const skips = skipped > 0 ? `, ${skipped} skipped` : ''
  say(
    `${failed === 0 ? '✓' : '✗'} ${name}: ${passed} passed, ${failed} failed${skips} (${duration(performance.now() - started)})`,
  )
}

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { only: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  if (values.help) {
    say(HELP)
    return 0
  }
  const withAgents = process.env.CI === 'true' || hasAgents()
  const kinds = values.only ?? KINDS.filter((kind) => kind !== 'agents' || withAgents)
  const wrong = kinds.find((kind) => !KINDS.includes(kind))
  if (wrong) throw new Stop(`“${wrong}” is no kind of test: ${KINDS.join(', ')}.`)

  await install(say)
  const node = findNode()
  mkdirSync(RESULTS, { recursive: true })
  const total = { passed: 0, failed: 0 }
  const add = ({ passed, failed }) => {
    total.passed += passed
    total.failed += failed
  }
  if (kinds.includes('static')) add(await runStatic(node))
  let built = true
  if (kinds.some((kind) => kind !== 'static')) {
    try {
      await build(say)
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      // The unit tests still say something; what needs the build cannot run.
      built = false
      total.failed++
      say(`✗ build\n${error.message}`)
    }
  }
  if (kinds.includes('unit')) add(await runUnit(node, positionals))
  if (kinds.includes('e2e') && existsSync(join(ROOT, 'playwright.config.ts'))) {
    if (built) add(await runE2e(node, positionals))
    else say('✗ e2e: not run, because the build failed.')
  }
  if (kinds.includes('agents')) {
    if (built) add(await runAgents(positionals))
    else say('✗ real agents: not run, because the build failed.')
  } else if (!values.only)
    say('!! SKIPPED: the real agents. `npm run test:agents` installs them and drives them.')
  say(`${total.passed} passed, ${total.failed} failed`)
  return total.failed === 0 ? 0 : 1
})
