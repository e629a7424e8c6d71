#!/usr/bin/env node
// `npm run test:agents`: installs the real agents into a folder of their own and drives their interactive
// interfaces through Quartet, against a scripted model on this machine. No account, no cost. The last line is
// `N passed, N failed`. `npm test` runs the same in CI and wherever the agents are installed.
import { parseArgs } from 'node:util'
import { testAgents } from './lib/agents.mjs'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { duration, main } from './lib/run.mjs'

const HELP = `npm run test:agents -- [FILTER…]

  FILTER   part of a test file's path, or -t PATTERN for names of tests, handed to vitest

QUARTET_AGENTS_DIR names the folder of the installed agents (default node_modules/.cache/quartet-agents, about 1.1 GB).`

const say = (line) => console.log(line)

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
  const started = performance.now()
  const { passed, failed } = await testAgents(say, [
    ...(values.name ? ['-t', values.name] : []),
    ...positionals,
  ])
  say(`Real agents: ${duration(performance.now() - started)}`)
  say(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
})
