// Configuration that our calls put above whatever the repository says. The repository is hostile: its config, hooks and
// attributes can be written by any agent in any of its worktrees, and an ordinary `git status` would run them.

export type ConfigPair = readonly [key: string, value: string]

/** One line of `git config --list`, with the scope that it came from. */
export interface ConfigEntry {
  scope: string
  key: string
  value: string
}

/** Off for every call, whatever the repository or the user says. */
export const ALWAYS: readonly ConfigPair[] = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.askPass', ''],
  ['core.sshCommand', 'ssh'],
  ['core.pager', 'cat'],
  ['core.editor', 'true'],
  ['diff.external', ''],
  ['log.showSignature', 'false'],
  ['commit.gpgSign', 'false'],
  ['tag.gpgSign', 'false'],
  ['gpg.program', 'false'],
  ['init.templateDir', ''],
  // A repack beside N agents costs seconds of disk; the user's own git does it in its time.
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['submodule.recurse', 'false'],
  ['protocol.ext.allow', 'never'],
  // git:// may start `core.gitProxy`, and nobody serves code over it any more.
  ['protocol.git.allow', 'never'],
  ['safe.bareRepository', 'explicit'],
  ['advice.detachedHead', 'false'],
]

/**
 * A merge driver cannot be emptied: git would run the empty command, take its success for a clean merge and drop the other
 * side's change. This is git's own three-way merge as a driver.
 */
const PLAIN_MERGE = 'git merge-file -q --marker-size=%L %A %O %B'

/** The commands that `git lfs install` writes, at any version of it. */
const LFS_COMMANDS = /^git-lfs (?:clean -- %f|smudge(?: --skip)? -- %f|filter-process(?: --skip)?)$/

interface Rule {
  pattern: RegExp
  /** The value that makes the key harmless. */
  neutral: string
  /** True for a local value that is well known and needs no neutralising. */
  harmless?: (entry: ConfigEntry) => boolean
}

/** Keys that name a program (or weigh on one) and whose middle part is free, so that they must be found before they are shut. */
const RULES: readonly Rule[] = [
  {
    pattern: /^filter\..+\.(?:clean|smudge|process)$/s,
    neutral: '',
    harmless: (entry) => entry.key.startsWith('filter.lfs.') && LFS_COMMANDS.test(entry.value),
  },
  { pattern: /^merge\..+\.driver$/s, neutral: PLAIN_MERGE },
  { pattern: /^hook\..+\.enabled$/s, neutral: 'false' },
  { pattern: /^remote\..+\.uploadpack$/s, neutral: 'git-upload-pack' },
  { pattern: /^remote\..+\.receivepack$/s, neutral: 'git-receive-pack' },
  { pattern: /^submodule\..+\.update$/s, neutral: 'checkout' },
  { pattern: /^core\.alternaterefscommand$/, neutral: 'true' },
  // git-lfs takes programs from the configuration too.
  { pattern: /^lfs\.customtransfer\..+\.(?:path|args)$/s, neutral: '' },
  { pattern: /^lfs\.(?:.+\.)?standalonetransferagent$/s, neutral: '' },
  { pattern: /^lfs\.extension\..+\.(?:clean|smudge)$/s, neutral: '' },
]

/** Scopes that the user, not the repository, writes. */
const isTrusted = (scope: string) => scope === 'system' || scope === 'global'

export interface Guard {
  /** Pairs to put above the repository's configuration. */
  pairs: ConfigPair[]
  /** Keys of the repository that were shut, for the user's eyes. */
  shut: string[]
  /** True when the repository's own files include others, whose changes we cannot see from their dates. */
  includesOthers: boolean
  /** True when somebody's files include others for some folders or branches alone: then no two worktrees are alike. */
  conditional: boolean
  overridesPack: boolean
}

/**
 * The pairs that keep a repository with these config entries from running programs: its own values give way to the user's
 * global ones, or to a harmless value. `allow` lets a driver pass that the user consented to.
 */
export function guardAgainst(
  entries: readonly ConfigEntry[],
  allow: (entry: ConfigEntry) => boolean = () => false,
): Guard {
  const pairs: ConfigPair[] = []
  const shut: string[] = []
  const done = new Set<string>()
  for (const entry of entries) {
    if (isTrusted(entry.scope) || entry.scope === 'command') continue
    // A config-based hook is switched off by its `enabled`, whatever key of it was planted.
    const hook = /^(hook\..+)\.(?:command|event)$/s.exec(entry.key)
    if (hook?.[1] && !done.has(entry.key)) {
      done.add(entry.key)
      shut.push(entry.key)
      pairs.push([`${hook[1]}.enabled`, 'false'])
    }
    const rule = RULES.find(({ pattern }) => pattern.test(entry.key))
    if (!rule || done.has(entry.key) || rule.harmless?.(entry) || allow(entry)) continue
    done.add(entry.key)
    const trusted = entries.findLast((other) => other.key === entry.key && isTrusted(other.scope))
    pairs.push([entry.key, trusted?.value ?? rule.neutral])
    shut.push(entry.key)
  }
  pairs.push(...requiredPairs(entries, done))
  return {
    pairs: [...pairs, ...credentialPairs(entries)],
    shut,
    includesOthers: entries.some((e) => !isTrusted(e.scope) && /^include(?:if\..+)?\.path$/is.test(e.key)),
    conditional: entries.some((e) => /^includeif\./i.test(e.key)),
    overridesPack: pairs.some(([key]) => /pack$/.test(key)),
  }
}

/** A driver that is required and has no command any more fails every read: it is required only if the user says so or it runs. */
function requiredPairs(entries: readonly ConfigEntry[], shut: ReadonlySet<string>): ConfigPair[] {
  return entries.flatMap((entry): ConfigPair[] => {
    const driver = /^(filter\..+)\.required$/s.exec(entry.key)?.[1]
    if (!driver || isTrusted(entry.scope)) return []
    const commands = ['clean', 'smudge', 'process'].map((part) => `${driver}.${part}`)
    const runs = entries.some((e) => commands.includes(e.key) && !shut.has(e.key))
    const own = entries.findLast((other) => other.key === entry.key && isTrusted(other.scope))
    return runs ? [] : [[entry.key, own?.value ?? 'false']]
  })
}

/** An empty helper forgets all that came before it; then the user's own come back. */
function credentialPairs(entries: readonly ConfigEntry[]): ConfigPair[] {
  const own = entries.filter((e) => isTrusted(e.scope) && /^credential\.(?:.+\.)?helper$/s.test(e.key))
  return [['credential.helper', ''], ...own.map((e): ConfigPair => [e.key, e.value])]
}

/** `git config --list -z --show-scope` as entries; a key without a value means true. */
export function parseConfigList(output: string): ConfigEntry[] {
  const parts = output.split('\0')
  const entries: ConfigEntry[] = []
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const scope = parts[i] ?? ''
    const line = parts[i + 1] ?? ''
    const cut = line.indexOf('\n')
    entries.push(
      cut < 0
        ? { scope, key: line, value: 'true' }
        : { scope, key: line.slice(0, cut), value: line.slice(cut + 1) },
    )
  }
  return entries
}

/** Inherited variables that would steer git or a program of it; everything `GIT_*` goes as well. */
const STRIPPED = new Set([
  'EDITOR',
  'VISUAL',
  'PAGER',
  'PREFIX',
  'SSH_ASKPASS',
  'NODE_OPTIONS',
  'LESS',
  'LC_ALL',
  'LANGUAGE',
])

/** The environment of every git process: the user's, without what steers git, and with a PATH of absolute folders only. */
export function baseEnvironment(inherited: NodeJS.ProcessEnv): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [key, value] of Object.entries(inherited)) {
    const name = key.toUpperCase()
    if (value === undefined || name.startsWith('GIT_') || name.startsWith('ELECTRON_') || STRIPPED.has(name))
      continue
    env[key] = value
  }
  // A relative PATH entry would find programs in the hostile worktree that is the working directory.
  if (process.platform !== 'win32' && env.PATH) {
    env.PATH = env.PATH.split(':')
      .filter((folder) => folder.startsWith('/'))
      .join(':')
  }
  return {
    ...env,
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes',
    // `refs/replace/*` would let an agent show other content than what lands.
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_PROGRESS_DELAY: '0',
  }
}

/** Configuration as environment variables (git ≥ 2.31): same rank as `-c`, inherited by git's own children. */
export function configEnvironment(pairs: readonly ConfigPair[]): Record<string, string> {
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(pairs.length) }
  for (const [i, [key, value]] of pairs.entries()) {
    env[`GIT_CONFIG_KEY_${i}`] = key
    env[`GIT_CONFIG_VALUE_${i}`] = value
  }
  return env
}
