import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { isAlive } from './lock.mjs'
import { findNode } from './node.mjs'
import { ROOT, Stop } from './run.mjs'

/** The same places as src/main/kernel/paths.ts, which cannot be loaded before the build. */
export function dataDirOf(option, env = process.env) {
  if (option) return resolve(option)
  if (env.QUARTET_DATA_DIR) return resolve(env.QUARTET_DATA_DIR)
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Quartet')
  if (process.platform === 'win32')
    return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'Quartet')
  return join(env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'quartet')
}

/** The web host that already serves this data directory, as `{url, token, pid}`; null when none answers. */
export async function runningHost(dataDir) {
  try {
    const { pid, url } = JSON.parse(readFileSync(join(dataDir, 'core.lock'), 'utf8'))
    if (!url || !isAlive(pid)) return null
    const token = readFileSync(join(dataDir, 'token'), 'utf8').trim()
    // A pid can belong to another program by now: only an answer proves that it is ours.
    await fetch(url, { signal: AbortSignal.timeout(2_000) })
    return { url, token, pid }
  } catch {
    return null
  }
}

/**
 * Starts the built web host as a child; resolves when it serves.
 * @param {{ dataDir: string, port?: string, flags?: string[] }} options
 * @returns {Promise<{ child: import('node:child_process').ChildProcess, url: string, token: string, pid: number, dataDir: string }>}
 */
export function startWebHost({ dataDir, port, flags = [] }) {
  const args = [join(ROOT, 'out', 'main', 'web.js'), '--json', '--data-dir', dataDir, ...flags]
  if (port !== undefined) args.push('--port', port)
  const child = spawn(findNode(), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((done, failed) => {
    let text = ''
    child.stdout.setEncoding('utf8')
    child.stdout.on('data', (chunk) => {
      text += chunk
      const end = text.indexOf('\n')
      if (end < 0) return
      let line = null
      try {
        line = JSON.parse(text.slice(0, end))
      } catch {
        failed(new Stop(`The web host said something unexpected: ${text.slice(0, 200)}`))
      }
      if (line?.error) failed(new Stop(line.error.message))
      else if (line?.url) done({ child, ...line })
      text = text.slice(end + 1)
    })
    child.once('error', (error) => failed(new Stop(`The web host could not be started: ${error.message}`)))
    child.once('exit', (code) => failed(new Stop(`The web host ended at once (exit code ${code}).`)))
  })
}

/** A code for one sign-in within a minute: unlike the token it may stand in a program's argv, which every user can read. */
export async function oneTimeCode({ url, token }) {
  const answer = await fetch(new URL('/auth/code', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
    signal: AbortSignal.timeout(5_000),
  })
  if (!answer.ok) throw new Stop(`The web host gave no sign-in code (${answer.status}).`)
  return (await answer.json()).code
}
