import type { Environment } from '../driver.ts'

const PROXIES = ['http_proxy', 'HTTP_PROXY', 'all_proxy', 'ALL_PROXY']
const EXCEPTIONS = ['no_proxy', 'NO_PROXY']

/**
 * True when what a program with this environment sends to 127.0.0.1 stays on this machine. Behind a proxy it may go there
 * first, and Codex's log holds what its tools printed.
 */
export function reachesLoopback(env: Environment): boolean {
  if (!PROXIES.some((name) => env[name])) return true
  return EXCEPTIONS.every((name) =>
    // Some read the one, some the other name.
    (env[name] ?? '').split(',').some((host) => ['*', '127.0.0.1', '127.0.0.0/8'].includes(host.trim())),
  )
}
