import { isAbsolute, join, resolve } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/** The whole of a value is one reference: it is meant to come from the environment. */
const REFERENCE = /^\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})$/
const REFERENCES = /\$(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})/g

/**
 * A value that may come from the environment: `$NAME` is looked up, anything else is itself. An empty result counts as
 * missing and gives null.
 */
export function resolveValue(value: unknown, env: Environment): unknown {
  if (typeof value !== 'string') return value
  const match = REFERENCE.exec(value.trim())
  if (!match) return value
  return env[match[1] ?? match[2] ?? ''] || null
}

/**
 * A path with `~` and `$NAME` expanded, absolute, relative ones taken from `folder`. Null when a name in it is not set:
 * half a path would be another place.
 */
export function resolvePath(path: string, folder: string, env: Environment): string | null {
  let missing = false
  const expanded = path.trim().replace(REFERENCES, (_all, plain?: string, braced?: string) => {
    const value = env[plain ?? braced ?? '']
    missing ||= !value
    return value ?? ''
  })
  const home = env.HOME
  if (missing || expanded === '' || (/^~(\/|$)/.test(expanded) && !home)) return null
  const full = expanded.replace(/^~(?=\/|$)/, home ?? '')
  return isAbsolute(full) ? resolve(full) : join(folder, full)
}
