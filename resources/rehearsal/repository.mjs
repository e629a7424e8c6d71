// The worktree, as an agent sees it: git by its command line, files by name.
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const AUTHOR = { name: 'Rehearsal', email: 'rehearsal@quartet.invalid' }
/** Somebody else (the app's status, an editor) may hold the index for a moment. */
const LOCK_TRIES = 20
const LOCK_WAIT_MS = 150

function run(program, args, cwd, env) {
  return new Promise((resolve) => {
    execFile(program, args, { cwd, env, maxBuffer: 256 * 1024 * 1024 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : 127) : 0
      resolve({ code, stdout, stderr: stderr || (error && code === 127 ? error.message : '') })
    })
  })
}

export function openRepository(cwd) {
  // The variable that makes Electron a Node is for this process alone.
  const { ELECTRON_RUN_AS_NODE, ...plain } = process.env
  const env = {
    ...plain,
    GIT_AUTHOR_NAME: AUTHOR.name,
    GIT_AUTHOR_EMAIL: AUTHOR.email,
    GIT_COMMITTER_NAME: AUTHOR.name,
    GIT_COMMITTER_EMAIL: AUTHOR.email,
    GIT_TERMINAL_PROMPT: '0',
    GIT_EDITOR: 'true',
    LC_ALL: 'C',
  }
  const tryGit = async (...args) => {
    for (let left = LOCK_TRIES; ; left--) {
      const result = await run('git', args, cwd, env)
      if (
        result.code === 0 ||
        left === 0 ||
        !/\.lock['”]?: File exists|Unable to create .*\.lock/.test(result.stderr)
      )
        return result
      await sleep(LOCK_WAIT_MS)
    }
  }
  const git = async (...args) => {
    const result = await tryGit(...args)
    if (result.code === 0) return result.stdout
    throw new Error(
      `git ${args[0]}: ${result.stderr.trim() || result.stdout.trim() || `code ${result.code}`}`,
    )
  }

  return {
    git,
    tryGit,
    at: (name) => join(cwd, name),
    exists: (name) => existsSync(join(cwd, name)),
    read: (name) => readFileSync(join(cwd, name), 'utf8'),
    write(name, text) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true })
      writeFileSync(join(cwd, name), text)
    },
    branch: async () => (await git('rev-parse', '--abbrev-ref', 'HEAD')).trim(),
    files: async () => (await git('ls-files', '-z')).split('\0').filter(Boolean),
    /** Commits exactly these paths. Hooks of the repository are the engineer's, not a rehearsal's. */
    async commit(paths, message) {
      // Forced: an ignore rule of the repository may cover the very file that was just written on purpose.
      await git('add', '--force', '--', ...paths)
      await git('-c', 'commit.gpgsign=false', 'commit', '--no-verify', '--quiet', '-m', message)
      return (await git('rev-parse', '--short', 'HEAD')).trim()
    },
    /** Runs a program of this very Node in the worktree. */
    node: (args) =>
      run(
        process.execPath,
        args,
        cwd,
        process.env.ELECTRON_RUN_AS_NODE ? { ...env, ELECTRON_RUN_AS_NODE } : env,
      ),
  }
}
