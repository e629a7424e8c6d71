/** A repository on a forge, as its remote URL names it. */
export interface ForgeLocation {
  /** Host of the web pages, small letters, with its port when that is unusual. */
  host: string
  owner: string
  name: string
  /** Base URL of the REST API, without a slash at its end. */
  apiBase: string
}

const NAME = /^[A-Za-z0-9_.-]{1,100}$/

/**
 * Reads a git remote URL: `https://host/owner/name(.git)`, `ssh://git@host:port/owner/name`, `git@host:owner/name`, also of
 * GitHub Enterprise hosts and of GitHub's ssh over port 443. `hosts` names the API of hosts that have it elsewhere. Gives
 * null for local paths, other protocols and paths that are not owner/name.
 */
export function parseRemoteUrl(
  remote: string,
  hosts: Readonly<Record<string, string>> = {},
): ForgeLocation | null {
  const parts = splitUrl(remote.trim())
  if (!parts) return null
  const segments = parts.path
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')
    .split('/')
    .filter((segment) => segment !== '')
  const [owner, name] = segments
  if (segments.length !== 2 || !owner || !name) return null
  if (![owner, name].every((part) => NAME.test(part) && part !== '.' && part !== '..')) return null
  const host = usualHost(parts.host)
  const apiBase = (hosts[host] ?? usualApi(host)).replace(/\/+$/, '')
  return { host, owner, name, apiBase }
}

function splitUrl(remote: string): { host: string; path: string } | null {
  if (/^(?:https?|ssh|git\+ssh|ssh\+git):\/\//i.test(remote)) {
    if (!URL.canParse(remote)) return null
    const url = new URL(remote)
    if (url.hostname === '') return null
    const web = url.protocol === 'https:' || url.protocol === 'http:'
    // The port of an ssh server says nothing about where its web pages are.
    return { host: (web ? url.host : url.hostname).toLowerCase(), path: decode(url.pathname) }
  }
  if (remote.includes('://')) return null
  // scp-like: `user@host:path`. A colon after a slash belongs to a local path, a single letter before it is a Windows drive.
  const match = /^(?:[^@/:\s]+@)?(\[[^\]]+\]|[^@/:\s]{2,}):(?!\/\/)(.+)$/.exec(remote)
  return match?.[1] && match[2] ? { host: match[1].toLowerCase(), path: match[2] } : null
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function usualHost(host: string): string {
  if (host === 'ssh.github.com' || host === 'www.github.com' || host === 'altssh.github.com')
    return 'github.com'
  return host
}

function usualApi(host: string): string {
  if (host === 'github.com') return 'https://api.github.com'
  // GitHub Enterprise Cloud with data residency.
  if (host.endsWith('.ghe.com')) return `https://api.${host}`
  return `https://${host}/api/v3`
}
