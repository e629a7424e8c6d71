import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import type { Slot } from '../../../shared/domain/task.ts'
import type { LaunchContext, UsageReader } from './driver.ts'
import { hookCommand } from './programs.ts'
import { sampleRepository } from './sample-repository.ts'
import { priceTable } from './usage/prices.ts'

const run = promisify(execFile)

export const RESOURCES = resolve(import.meta.dirname, '../../../../resources')

/** A folder that is gone after the test. */
export async function tempDir(name = 'agents'): Promise<string> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), `quartet-${name}-`)))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

const GIT_ENV = {
  ...process.env,
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
}

export async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, { cwd, env: GIT_ENV, maxBuffer: 64 * 1024 * 1024 })
  return stdout.trim()
}

/** A repository with these files in one commit. */
export async function makeRepository(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await tempDir('repo')
  await git(dir, 'init', '--quiet', '--initial-branch=main')
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  await git(dir, 'add', '--all')
  await git(dir, 'commit', '--quiet', '--allow-empty', '-m', 'Base')
  return dir
}

export async function makeSample(): Promise<{ dir: string; brief: string }> {
  const sample = await sampleRepository(RESOURCES)
  return { dir: await makeRepository(sample.files), brief: sample.brief }
}

/** A worktree of `repo` on an attempt's branch. */
export async function addWorktree(repo: string, branch = 'quartet/hours-abc123/r1a1'): Promise<string> {
  const dir = join(await tempDir('worktree'), 'tree')
  await git(repo, 'worktree', 'add', '--quiet', '-b', branch, dir)
  return dir
}

/** A reader for which nothing was ever used. */
export const noUsage: UsageReader = {
  prices: async () => priceTable([]),
  interpret: () => null,
  read: async () => new Map(),
}

export const slot = (fields: Partial<Slot> & { agent: string }): Slot => ({
  command: null,
  scenario: null,
  model: null,
  hint: null,
  ...fields,
})

/** A context with a prompt file and a private folder, as the service makes it. */
export async function makeContext(
  fields: Partial<LaunchContext> & { slot: Slot; worktree: string },
): Promise<LaunchContext> {
  const runDir = await tempDir('run')
  const prompt = fields.prompt ?? 'Do it.\n'
  const promptFile = join(runDir, 'prompt.md')
  await writeFile(promptFile, prompt, { mode: 0o600 })
  return {
    attemptId: 'att_1',
    taskId: 'tsk_1',
    round: 1,
    n: 1,
    branch: 'quartet/hours-abc123/r1a1',
    baseSha: '0'.repeat(40),
    prompt,
    promptFile,
    runDir,
    hook: { file: join(runDir, 'hook.json'), command: hookCommand(process.execPath, RESOURCES) },
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '/' },
    resume: null,
    ports: null,
    telemetry: null,
    ...fields,
  }
}

/** A program of that name in a folder of its own; gives the folder. */
export async function fakeProgram(name: string, script: string): Promise<string> {
  const dir = await tempDir('bin')
  await writeFile(join(dir, name), script)
  await chmod(join(dir, name), 0o755)
  return dir
}

/** Waits until `check` gives something. */
export async function until<T>(check: () => T | undefined | false | null, ms = 30_000): Promise<T> {
  const deadline = Date.now() + ms
  for (;;) {
    const found = check()
    if (found !== undefined && found !== false && found !== null) return found
    if (Date.now() > deadline) throw new Error(`nothing after ${ms} ms`)
    await sleep(20)
  }
}
