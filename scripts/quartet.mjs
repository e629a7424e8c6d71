// What bin/quartet runs: installs and builds when stale (in a checkout), then becomes the CLI.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from './lib/build.mjs'
import { install } from './lib/install.mjs'
import { findNode, isNewEnough } from './lib/node.mjs'
import { ROOT, Stop } from './lib/run.mjs'

// Standard output belongs to the command: with --json a program reads it.
const say = (line) => console.error(line)
const cli = join(ROOT, 'out', 'main', 'cli.js')

try {
  await install(say)
  await build(say)
  if (isNewEnough(process.versions)) {
    process.argv[1] = cli
    await import(pathToFileURL(cli).href)
  } else {
    const child = spawn(findNode(), [cli, ...process.argv.slice(2)], { stdio: 'inherit' })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    process.exitCode = await new Promise((done, failed) => {
      child.once('error', failed)
      child.once('exit', (code) => done(code ?? 1))
    })
  }
} catch (error) {
  if (!(error instanceof Stop)) throw error
  const message = error.message
  if (process.argv.includes('--json'))
    console.log(JSON.stringify({ error: { code: 'build_failed', message } }))
  else console.error(message)
  process.exitCode = 1
}
