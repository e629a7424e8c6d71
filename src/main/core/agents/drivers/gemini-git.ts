import { exec } from '../../../kernel/exec.ts'
import type { Environment } from '../driver.ts'

/**
 * What of git's configuration decides about the contents of a commit: who made it, and how files become blobs. Without LFS'
 * filter a file of 1 GB would be committed as it is.
 */
const CARRIED =
  /^(user\.(name|email)|author\.(name|email)|committer\.(name|email)|filter\..+|core\.(autocrlf|eol|safecrlf|excludesfile|attributesfile|precomposeunicode|ignorecase|longpaths))$/i
/** Far more than anybody has; each becomes two variables. */
const MAX_ENTRIES = 60
const TIMEOUT_MS = 5_000

/**
 * Variables that carry the engineer's own git configuration into the agent's shell. Gemini CLI (0.6x) points git away from the
 * configuration of the user and of the system in everything that it runs, so that not even a commit would be possible: nobody
 * has a name there. It keeps what comes by GIT_CONFIG_COUNT, and adds its own overrides after it. What the repository itself
 * says is left out, since it applies all the same. Empty when git cannot tell.
 */
export async function carriedGitConfig(worktree: string, env: Environment): Promise<Record<string, string>> {
  const run = await exec('git', ['config', '--null', '--show-scope', '--list'], {
    cwd: worktree,
    env,
    timeoutMs: TIMEOUT_MS,
    maxBytes: 1024 * 1024,
  }).catch(() => null)
  if (run?.code !== 0) return {}
  // scope NUL key LF value NUL; of a key that is named more than once the last one counts.
  const fields = run.stdout.toString('utf8').split('\0')
  const values = new Map<string, string>()
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [scope = '', entry = ''] = [fields[i], fields[i + 1]]
    const cut = entry.indexOf('\n')
    const key = cut < 0 ? entry : entry.slice(0, cut)
    if (!CARRIED.test(key)) continue
    values.delete(key)
    // A key without a value means true.
    if (scope === 'global' || scope === 'system') values.set(key, cut < 0 ? 'true' : entry.slice(cut + 1))
  }
  const entries = [...values].slice(0, MAX_ENTRIES)
  if (entries.length === 0) return {}
  return {
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  }
}
