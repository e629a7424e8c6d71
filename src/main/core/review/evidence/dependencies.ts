import { basename } from 'node:path/posix'
import type { DependencyChange } from '../../../../shared/domain/review.ts'

/** Versions by name as one manifest or lock file has them. */
type Versions = Map<string, string>
type Reader = (text: string) => Versions

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const packageJson: Reader = (text) => {
  const manifest: unknown = JSON.parse(text)
  const versions: Versions = new Map()
  if (!isRecord(manifest)) return versions
  for (const field of ['peerDependencies', 'optionalDependencies', 'devDependencies', 'dependencies']) {
    const part = manifest[field]
    if (isRecord(part))
      for (const [name, version] of Object.entries(part)) versions.set(name, String(version))
  }
  return versions
}

/** `key = value` lines by section: as much of TOML as manifests of dependencies use. */
function tomlLines(text: string): { section: string; key: string; value: string }[] {
  const found: { section: string; key: string; value: string }[] = []
  let section = ''
  let open: { section: string; key: string; value: string } | null = null
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/(^|\s)#[^"']*$/, '').trim()
    if (open) {
      open.value += ` ${line}`
      if (balanced(open.value)) open = null
      continue
    }
    const header = /^\[\[?([^\]]+)\]\]?$/.exec(line)?.[1]
    if (header) {
      section = header.trim()
      continue
    }
    const pair = /^("[^"]+"|'[^']+'|[\w.-]+)\s*=\s*(.*)$/.exec(line)
    if (!pair?.[1]) continue
    const entry = { section, key: pair[1].replace(/^["']|["']$/g, ''), value: pair[2] ?? '' }
    found.push(entry)
    if (!balanced(entry.value)) open = entry
  }
  return found
}

/** True when no bracket outside of quotes is left open. */
function balanced(value: string): boolean {
  let depth = 0
  for (const char of value.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, '')) {
    if (char === '[' || char === '{') depth++
    else if (char === ']' || char === '}') depth--
  }
  return depth <= 0
}

const stringsOf = (value: string): string[] =>
  [...value.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g)].map((match) => match[1] ?? match[2] ?? '')

/** `"1.2"`, or the telling part of a table (`version`, `git`, `path`). */
function tomlVersion(value: string): string {
  if (!value.startsWith('{')) return stringsOf(value)[0] ?? value
  const field = (name: string) => new RegExp(`\\b${name}\\s*=\\s*["']([^"']*)["']`).exec(value)?.[1]
  return (
    field('version') ?? field('git') ?? field('path') ?? (value.includes('workspace') ? 'workspace' : '*')
  )
}

const CARGO = /(^|\.)(?:dev-|build-)?dependencies(?:\.(.+))?$/

const cargoToml: Reader = (text) => {
  const versions: Versions = new Map()
  for (const { section, key, value } of tomlLines(text)) {
    const match = CARGO.exec(section)
    if (!match) continue
    // `[dependencies.serde]` with its version below, or `serde = "1"`.
    if (match[2]) {
      if (key === 'version' || !versions.has(match[2])) versions.set(match[2], tomlVersion(value))
    } else versions.set(key, tomlVersion(value))
  }
  return versions
}

/** A requirement as PEP 508 writes it: `name[extra]>=1; marker`. */
function requirement(text: string): [string, string] | null {
  const match = /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)/.exec(text.trim())
  return match?.[1] ? [match[1].toLowerCase().replace(/[._]/g, '-'), match[2]?.trim() || '*'] : null
}

const pyproject: Reader = (text) => {
  const versions: Versions = new Map()
  for (const { section, key, value } of tomlLines(text)) {
    const listed =
      (section === 'project' && key === 'dependencies') ||
      section === 'project.optional-dependencies' ||
      section === 'dependency-groups' ||
      (section === 'build-system' && key === 'requires')
    if (listed) {
      for (const entry of stringsOf(value)) {
        const found = requirement(entry)
        if (found) versions.set(...found)
      }
    } else if (/^tool\.poetry\.(group\.[^.]+\.)?(dev-)?dependencies$/.test(section) && key !== 'python')
      versions.set(key.toLowerCase(), tomlVersion(value))
  }
  return versions
}

const requirements: Reader = (text) =>
  new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const found = /^\s*[#-]/.test(line) ? null : requirement(line)
      return found ? [found] : []
    }),
  )

const goMod: Reader = (text) =>
  new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const match = /^(?:require\s+|\s+)([^\s()]+)\s+(v[^\s/]+)/.exec(line)
      return match?.[1] && match[2] ? [[match[1], match[2]] as const] : []
    }),
  )

const packageLock: Reader = (text) => {
  const lock: unknown = JSON.parse(text)
  const versions: Versions = new Map()
  if (!isRecord(lock)) return versions
  const packages = isRecord(lock.packages)
    ? lock.packages
    : isRecord(lock.dependencies)
      ? lock.dependencies
      : {}
  for (const [path, entry] of Object.entries(packages))
    if (path !== '' && isRecord(entry))
      versions.set(path.replace(/^node_modules\//, ''), String(entry.version ?? ''))
  return versions
}

/** Cargo.lock, poetry.lock, uv.lock: `[[package]]` with name and version. */
const tomlLock: Reader = (text) => {
  const versions: Versions = new Map()
  for (const block of text.split(/^\[\[package\]\]\s*$/m).slice(1)) {
    const field = (key: string) => new RegExp(`^${key}\\s*=\\s*"([^"]*)"`, 'm').exec(block)?.[1]
    const name = field('name')
    if (name) versions.set(name, [versions.get(name), field('version')].filter(Boolean).join(', '))
  }
  return versions
}

const goSum: Reader = (text) =>
  new Map(
    text.split(/\r?\n/).flatMap((line) => {
      const match = /^(\S+) (v\S+?)(\/go\.mod)? /.exec(line)
      return match?.[1] && match[2] && !match[3] ? [[`${match[1]}@${match[2]}`, match[2]] as const] : []
    }),
  )

const pnpmLock: Reader = (text) =>
  new Map(
    [
      ...(text.split(/^packages:\s*$/m)[1] ?? '').matchAll(
        /^ {2}'?\/?((?:@[^/@]+\/)?[^@'(/:]+)@([^'():]+)/gm,
      ),
    ].map((match) => [`${match[1]}@${match[2]}`, match[2] ?? ''] as const),
  )

const yarnLock: Reader = (text) =>
  new Map(
    [...text.matchAll(/^"?((?:@[^/@"]+\/)?[^@"\s,]+)@[^\n]*:\n\s+version:? "?([^"\n]+)"?/gm)].map(
      (match) => [`${match[1]}@${match[2]}`, match[2] ?? ''] as const,
    ),
  )

const MANIFESTS: Readonly<Record<string, Reader>> = {
  'package.json': packageJson,
  'Cargo.toml': cargoToml,
  'pyproject.toml': pyproject,
  'go.mod': goMod,
}
const LOCKS: Readonly<Record<string, Reader>> = {
  'package-lock.json': packageLock,
  'npm-shrinkwrap.json': packageLock,
  'Cargo.lock': tomlLock,
  'poetry.lock': tomlLock,
  'uv.lock': tomlLock,
  'go.sum': goSum,
  'pnpm-lock.yaml': pnpmLock,
  'yarn.lock': yarnLock,
}

export const isManifest = (path: string): boolean => readerOf(path) !== null
export const isLock = (path: string): boolean => LOCKS[basename(path)] !== undefined

function readerOf(path: string): Reader | null {
  const name = basename(path)
  return MANIFESTS[name] ?? (/^requirements[\w.-]*\.(txt|in)$/.test(name) ? requirements : null)
}

/** What a change of a manifest does to its dependencies; null texts stand for a file that is not there. Throws for a file that cannot be read. */
export function dependencyChanges(
  path: string,
  before: string | null,
  after: string | null,
): DependencyChange[] {
  const read = readerOf(path)
  if (!read) return []
  const old = before === null ? new Map<string, string>() : read(before)
  const now = after === null ? new Map<string, string>() : read(after)
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((name) => old.get(name) !== now.get(name))
    .sort((a, b) => a.localeCompare(b))
    .map((name) => ({ manifest: path, name, from: old.get(name) ?? null, to: now.get(name) ?? null }))
}

/** How many packages a lock file gains, loses and changes. Throws for a file that cannot be read. */
export function lockChanges(
  path: string,
  before: string | null,
  after: string | null,
): { file: string; added: number; removed: number; changed: number } {
  const read = LOCKS[basename(path)]
  const old = before === null || !read ? new Map<string, string>() : read(before)
  const now = after === null || !read ? new Map<string, string>() : read(after)
  return {
    file: path,
    added: [...now.keys()].filter((name) => !old.has(name)).length,
    removed: [...old.keys()].filter((name) => !now.has(name)).length,
    changed: [...now].filter(([name, version]) => old.has(name) && old.get(name) !== version).length,
  }
}
