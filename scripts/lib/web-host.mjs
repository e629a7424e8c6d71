import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { findNode } from './node.mjs'
import { ROOT, Stop } from './run.mjs'

/**
 * Starts the built web host as a child; resolves when it serves. Where a core has the data directory already, it gives
 * that one's address instead (another `pid` than the child's) and ends.
 * @param {{ dataDir?: string, port?: string, flags?: string[] }} options
 * @returns {Promise<{ child: import('node:child_process').ChildProcess, url: string, token: string, pid: number, dataDir: string }>}
 */
export function startWebHost({ dataDir, port, flags = [] }) {
  const args = [join(ROOT, 'out', 'main', 'web.js'), '--json', ...flags]
  if (dataDir !== undefined) args.push('--data-dir', dataDir)
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
