#!/usr/bin/env node
// `npm run test:agents`: installs the real Codex and Claude Code into a folder of their own and drives their interactive
// interfaces through Quartet, against a scripted model on this machine. No account, no cost. The last line is
// `N passed, N failed`.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './lib/build.mjs'
import { install, installEnv, npmCommand } from './lib/install.mjs'
import { findNode } from './lib/node.mjs'
import { program } from './lib/program.mjs'
import { duration, main, ownEnv, ROOT, run, Stop, tail } from './lib/run.mjs'

const HELP = `npm run test:agents -- [FILTER…]

  FILTER   part of a test file's path, or -t PATTERN for names of tests, handed to vitest

QUARTET_AGENTS_DIR names the folder of the installed agents (default node_modules/.cache/quartet-agents, about 800 MB).`

/** What these tests were written against; a newer one is tried by changing the number here. */
const AGENTS = { '@openai/codex': '0.169.0', '@anthropic-ai/claude-code': '2.1.330' }
/** They are large: a slow line takes minutes. */
const INSTALL_LIMIT_MS = 15 * 60_000
const RESULTS = join(ROOT, 'node_modules', '.cache', 'quartet', 'results')
const say = (line) => console.log(line)

function installedVersion(dir, name) {
  try {
    return JSON.parse(readFileSync(join(dir, 'node_modules', name, 'package.json'), 'utf8')).version
  } catch {
    return null
  }
}

async function installAgents(dir) {
  if (Object.entries(AGENTS).every(([name, version]) => installedVersion(dir, name) === version)) return
  say(
    `Installing ${Object.entries(AGENTS)
      .map((entry) => entry.join('@'))
      .join(' and ')} into ${dir} …`,
  )
  const started = performance.now()
  mkdirSync(dir, { recursive: true })
  const manifest = {
    name: 'quartet-agents',
    private: true,
    dependencies: AGENTS,
    allowScripts: { '@anthropic-ai/claude-code': true },
  }
  writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  const npm = npmCommand()
  const result = await run(
    npm.program,
    [...npm.args, 'install', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      cwd: dir,
      env: installEnv(),
      timeoutMs: INSTALL_LIMIT_MS,
    },
  )
  if (result.code !== 0) throw new Stop(`The agents could not be installed.\n${tail(result.output, 15)}`)
  say(`Installed in ${duration(performance.now() - started)}.`)
}

await main(async () => {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, name: { type: 'string', short: 't' } },
    allowPositionals: true,
  })
  if (values.help) {
    say(HELP)
    return 0
  }
  await install(say)
  // A core in a process of its own starts the built terminal host.
  await build(say)
  const node = findNode()
  const dir = process.env.QUARTET_AGENTS_DIR ?? join(ROOT, 'node_modules', '.cache', 'quartet-agents')
  await installAgents(dir)
  mkdirSync(RESULTS, { recursive: true })
  const report = join(RESULTS, 'agents.json')
  rmSync(report, { force: true })
  const started = performance.now()
  const result = await run(
    node,
    [
      program('vitest'),
      ...['run', '--config', 'vitest.agents.config.ts', '--reporter=default', '--reporter=json'],
      `--outputFile.json=${report}`,
      ...(values.name ? ['-t', values.name] : []),
      ...positionals,
    ],
    { env: ownEnv({ QUARTET_AGENTS_DIR: dir }), show: true },
  )
  let passed = 0
  let failed = 0
  try {
    const json = JSON.parse(readFileSync(report, 'utf8'))
    passed = json.numPassedTests
    // A file that cannot be loaded has no tests to count.
    const broken = json.testResults.filter(
      (file) => file.status === 'failed' && file.assertionResults.length === 0,
    )
    failed = json.numFailedTests + broken.length
  } catch {
    failed = 1
  }
  if (result.code !== 0 && failed === 0) failed = 1
  say(`Real agents: ${duration(performance.now() - started)}`)
  say(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
})
