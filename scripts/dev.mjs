#!/usr/bin/env node
// `npm run dev`: Electron with hot reload; without its binary the web host, built and started again after each change.
import { spawn } from 'node:child_process'
import { build, inputHash } from './lib/build.mjs'
import { ensureElectron } from './lib/electron.mjs'
import { install } from './lib/install.mjs'
import { findNode } from './lib/node.mjs'
import { program } from './lib/program.mjs'
import { main, ownEnv, ROOT, Stop } from './lib/run.mjs'
import { startWebHost } from './lib/web-host.mjs'

/** Hashing the sources takes about 30 ms, and unlike a recursive watch it never misses a change. */
const LOOK_MS = 1_000

const say = (line) => console.log(line)
const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

async function devWeb() {
  let host = null
  let ending = false
  const end = () => {
    ending = true
    host?.child.kill('SIGTERM')
  }
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end)
  for (let seen = null; !ending; await later(LOOK_MS)) {
    const now = inputHash()
    if (now === seen) continue
    seen = now
    try {
      await build(say)
    } catch (error) {
      if (!(error instanceof Stop)) throw error
      say(error.message)
      continue
    }
    if (host) {
      const ended = new Promise((resolve) => host.child.once('exit', resolve))
      host.child.kill('SIGTERM')
      await ended
    }
    host = await startWebHost({})
    say(`Open ${host.url}/#token=${host.token}`)
    if (host.pid !== host.child.pid)
      throw new Stop('Another Quartet has this data directory: set QUARTET_DATA_DIR.')
  }
  return 0
}

await main(async () => {
  await install(say)
  const { path, why } = await ensureElectron({ retry: false, say })
  if (!path) {
    say(`Host: web, rebuilt after each change (${why}).`)
    return devWeb()
  }
  say('Host: Electron, with hot reload.')
  const child = spawn(findNode(), [program('electron-vite'), 'dev', '--watch'], {
    cwd: ROOT,
    env: ownEnv(),
    stdio: 'inherit',
  })
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 0)))
})
