import { mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Environment } from '../driver.ts'
import { quoteAll } from '../shell-quote.ts'

/**
 * Gemini CLI takes hooks from settings files and extensions alone, and no flag names one of these for a launch: the system's
 * settings file can be named by a variable, but is ignored unless it belongs to root. What can be named is the folder that it
 * takes for the engineer's home (GEMINI_CLI_HOME). So each launch gets one of its own, in which everything is a link to the real
 * one, and next to the engineer's extensions lies one of ours that holds nothing but hooks. What the program writes (settings,
 * keys, conversations) reaches the real home through the links.
 */
const EXTENSION = 'quartet-hooks'

/** Events that tell us something. PreCompress is none: it fires before every turn, whether anything is compressed or not. */
const HOOK_EVENTS = [
  'SessionStart',
  'BeforeAgent',
  'AfterAgent',
  'BeforeTool',
  'AfterTool',
  'Notification',
  'SessionEnd',
]
/** ms. The hook program takes at most one second; this is only for a machine that is very busy. */
const HOOK_TIMEOUT_MS = 10_000

/** Kept out of the links: ours lies in the one, the other is a cache that the program replaces by renaming. */
const OWN_NAMES: ReadonlySet<string> = new Set(['extensions', 'projects.json'])
/** Files that may come into being while it runs, by a sign-in for example: linked before they are there. */
const LATER_FILES = [
  ...['settings.json', 'oauth_creds.json', 'google_accounts.json', 'gemini-credentials.json'],
  ...['mcp-oauth-tokens.json', 'trustedFolders.json', 'installation_id', 'state.json', 'GEMINI.md'],
]
/** Folders of conversations and checkpoints: the program makes them at its first start. */
const ITS_FOLDERS = ['tmp', 'history']

/** The folder in which Gemini CLI looks for `.gemini`. */
export const geminiRoot = (env: Environment): string => env.GEMINI_CLI_HOME || env.HOME || homedir()
/** Where it keeps its settings and conversations. */
export const geminiHome = (env: Environment): string => join(geminiRoot(env), '.gemini')

/** The engineer's settings as text (they may hold comments); empty when there are none. */
export const geminiSettings = (env: Environment): Promise<string> =>
  readFile(join(geminiHome(env), 'settings.json'), 'utf8').catch(() => '')

/** True when it will run in a container or a sandbox of the system: those see the real home only, and not our socket. */
export async function isSandboxed(env: Environment): Promise<boolean> {
  const wanted = env.GEMINI_SANDBOX
  if (wanted) return !/^(false|0)$/i.test(wanted)
  return /"sandbox"\s*:\s*(true|"(?!false")[^"]|\{)/.test(await geminiSettings(env))
}

/** Names of a folder; none when it is missing. */
async function namesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function linkAll(from: string, to: string, names: Iterable<string>): Promise<void> {
  await Promise.all([...new Set(names)].map((name) => symlink(join(from, name), join(to, name))))
}

/**
 * What the hooks of our extension run. A Gemini CLI that the agent itself starts inherits the folder and so the hooks, but its
 * turns are not the attempt's: its shell sets GEMINI_CLI for whatever runs in it.
 */
function hooksOf(command: readonly string[]): unknown {
  const line = `[ -n "$GEMINI_CLI" ] || exec ${quoteAll(command)}`
  const entry = [{ hooks: [{ type: 'command', name: 'quartet', command: line, timeout: HOOK_TIMEOUT_MS }] }]
  return { hooks: Object.fromEntries(HOOK_EVENTS.map((event) => [event, entry])) }
}

/**
 * Makes the home of one launch in `runDir`, with hooks that run `command`, and gives its path for GEMINI_CLI_HOME. Null where
 * there can be none: in a sandbox, and on Windows, which lets nobody but administrators make links.
 */
export async function makeGeminiHome(
  runDir: string,
  env: Environment,
  command: readonly string[],
): Promise<string | null> {
  if (process.platform === 'win32' || (await isSandboxed(env))) return null
  const root = geminiRoot(env)
  const real = geminiHome(env)
  for (const name of ITS_FOLDERS) await mkdir(join(real, name), { recursive: true })

  const home = join(runDir, 'gemini-home')
  const own = join(home, '.gemini')
  const extensions = join(own, 'extensions')
  const extension = join(extensions, EXTENSION)
  // Links are removed as such: an earlier launch's home goes, what it led to stays.
  await rm(home, { recursive: true, force: true })
  await mkdir(join(extension, 'hooks'), { recursive: true, mode: 0o700 })
  // Paths in its settings may begin with ~.
  await linkAll(
    root,
    home,
    (await namesIn(root)).filter((name) => name !== '.gemini'),
  )
  const known = (await namesIn(real)).filter((name) => !OWN_NAMES.has(name))
  await linkAll(real, own, [...known, ...LATER_FILES])
  const theirs = (await namesIn(join(real, 'extensions'))).filter((name) => name !== EXTENSION)
  await linkAll(join(real, 'extensions'), extensions, theirs)
  await writeFile(
    join(extension, 'gemini-extension.json'),
    JSON.stringify({ name: EXTENSION, version: '1.0.0' }),
  )
  await writeFile(join(extension, 'hooks', 'hooks.json'), JSON.stringify(hooksOf(command)))
  return home
}
