#!/usr/bin/env node
// `npm start`: installs and builds what is missing or stale, then opens the control room on the best host of this machine.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './lib/build.mjs'
import { findChromium } from './lib/chromium.mjs'
import { ensureElectron } from './lib/electron.mjs'
import { install } from './lib/install.mjs'
import { main, ROOT, Stop } from './lib/run.mjs'
import { oneTimeCode, startWebHost } from './lib/web-host.mjs'

const HELP = `npm start -- [options]

  --host web|electron   take this host (default: Electron where it can run, else the web host)
  --no-open             open no window: only serve, and print the URL
  --port P              port of the web host (default: a free one)
  --data-dir D          where Quartet keeps its data (default: QUARTET_DATA_DIR, else the platform's place)`

const say = (line) => console.log(line)

/** Nobody closes a window that fast. */
const HANDED_OVER_MS = 2_000

/** A window can be shown: on Linux a display server must be named, over ssh on a Mac there is none. */
function hasDisplay(env = process.env) {
  if (process.platform === 'linux') return Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)
  if (process.platform === 'darwin') return !env.SSH_CONNECTION
  return true
}

const isRoot = () => process.platform === 'linux' && process.getuid?.() === 0

/**
 * The host to open and why, as half a sentence.
 * @returns {Promise<{ kind: 'electron', path: string, why: string } | { kind: 'window', path: string, why: string } | { kind: 'url', why: string }>}
 */
async function chooseHost({ host, open }) {
  if (host === 'electron') {
    const { path, why } = await ensureElectron({ retry: true, say })
    if (path) return { kind: 'electron', path, why: 'asked for with --host' }
    throw new Stop(`${why}. \`npm start -- --host web\` opens the same control room in a browser window.`)
  }
  if (!open) return { kind: 'url', why: '--no-open' }
  if (!hasDisplay()) return { kind: 'url', why: 'there is no display here' }
  let without = 'asked for with --host'
  if (host === undefined) {
    if (isRoot()) without = "Electron's sandbox does not work as root"
    else {
      const { path, why } = await ensureElectron({ retry: false, say })
      if (path) return { kind: 'electron', path, why: 'its binary is here' }
      without = why
    }
  }
  const path = findChromium()
  if (path) return { kind: 'window', path, why: without }
  return { kind: 'url', why: `${without}, and no Chromium, Chrome or Edge was found` }
}

/** Resolves with the exit code of `child`; what ends us, or the npm that runs us, ends it first. */
function follow(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  if (process.env.npm_lifecycle_event !== undefined) {
    // npm dies of a SIGTERM without passing it on: whoever ended `npm start` would leave a host behind.
    const npm = process.ppid
    setInterval(() => process.ppid !== npm && child.kill('SIGTERM'), 500).unref()
  }
  return new Promise((done) => {
    child.once('error', (error) => {
      console.error(error.message)
      done(1)
    })
    // Ended by the signal that we passed on: that is how one ends it.
    child.once('exit', (code, signal) => done(code ?? (signal ? 0 : 1)))
  })
}

async function openWindow(browser, host) {
  const profile = join(host.dataDir, 'browser')
  mkdirSync(profile, { recursive: true, mode: 0o700 })
  const code = await oneTimeCode(host)
  const args = [
    `--app=${new URL(`/#code=${code}`, host.url)}`,
    // A profile of its own: no extensions, and the window is a process that is ours to wait for.
    `--user-data-dir=${profile}`,
    '--no-first-run',
    '--no-default-browser-check',
    '--disable-sync',
    '--disable-background-networking',
    '--disable-component-update',
    '--window-size=1440,900',
  ]
  // Chromium refuses to run as root with its sandbox.
  if (isRoot()) args.push('--no-sandbox')
  return spawn(browser, args, { stdio: 'ignore' })
}

async function serve({ choice, dataDir, port }) {
  // With a window, the end of the window and of all work is the end of the host.
  const flags = choice.kind === 'window' ? ['--exit-when-idle'] : []
  const host = await startWebHost({ dataDir, port, flags })
  const isOurs = host.pid === host.child.pid
  if (!isOurs) say(`Quartet already runs with this data directory, as process ${host.pid}.`)
  if (choice.kind === 'url') {
    say(`Open ${host.url}/#token=${host.token}`)
    if (!isOurs) return 0
    say('Ctrl-C ends it; agents at work go on and are found again at the next start.')
    return follow(host.child)
  }
  const window = await openWindow(choice.path, host)
  if (!isOurs) return follow(window)
  say(`Serving ${host.url}. Ctrl-C ends it; agents at work go on and are found again at the next start.`)
  window.once('error', (error) => say(`The window could not be opened (${error.message}).`))
  const opened = Date.now()
  window.once('exit', () => {
    // A browser that runs already with this profile opens the window itself, and ours ends at once.
    if (Date.now() - opened < HANDED_OVER_MS) say('Opened in the browser that was there.')
    else if (host.child.exitCode === null)
      say('The window was closed. Quartet ends a few minutes after the last agent at work.')
  })
  const code = await follow(host.child)
  // A window without its host could only say that it lost it.
  window.kill('SIGTERM')
  return code
}

await main(async () => {
  const { values } = parseArgs({
    options: {
      host: { type: 'string' },
      'no-open': { type: 'boolean' },
      port: { type: 'string' },
      'data-dir': { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    say(HELP)
    return 0
  }
  if (values.host !== undefined && values.host !== 'web' && values.host !== 'electron') {
    console.error(`“${values.host}” is no host: web or electron.`)
    return 2
  }
  if (values.port !== undefined && !/^\d{1,5}$/.test(values.port)) {
    console.error(`“${values.port}” is no port.`)
    return 2
  }
  await install(say)
  await build(say)
  const dataDir =
    values['data-dir'] === undefined
      ? undefined
      : resolve(process.env.INIT_CWD ?? process.cwd(), values['data-dir'])
  const choice = await chooseHost({ host: values.host, open: !values['no-open'] })
  if (choice.kind === 'electron') {
    say(`Host: Electron (${choice.why}).`)
    const args = isRoot() ? ['--no-sandbox', ROOT] : [ROOT]
    const env = { ...process.env, ...(dataDir === undefined ? {} : { QUARTET_DATA_DIR: dataDir }) }
    // Set by programs that are Electron themselves (editors): it would make ours a plain Node.
    delete env.ELECTRON_RUN_AS_NODE
    return follow(spawn(choice.path, args, { stdio: 'inherit', env }))
  }
  say(
    choice.kind === 'window'
      ? `Host: web, in a window of ${choice.path} (${choice.why}).`
      : `Host: web, without a window (${choice.why}).`,
  )
  return serve({ choice, dataDir, port: values.port })
})
