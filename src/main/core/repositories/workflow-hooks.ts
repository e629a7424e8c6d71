import { constants } from 'node:fs'
import { cp, lstat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import { exec } from '../../kernel/exec.ts'
import type { Logger } from '../../kernel/logger.ts'
import { isReallyInside } from '../../kernel/paths.ts'
import type { Git } from '../git/git.ts'
import { summariseFailure } from '../review/check-summary.ts'
import { isTrusted } from './workflow.ts'
import type { WorkflowStore } from './workflow-store.ts'

export type HookName = 'after_create' | 'before_run' | 'after_run' | 'before_remove'

/** What a failing hook means, as the WORKFLOW.md contract says. */
const FATAL: Record<HookName, boolean> = {
  after_create: true,
  before_run: true,
  after_run: false,
  before_remove: false,
}

export interface WorkflowHooksDeps {
  git: Git
  workflows: WorkflowStore
  log: Logger
  environment: () => Promise<Readonly<Record<string, string>>>
}

/** Runs the hooks of a repository's WORKFLOW.md, and copies the ignored files that a fresh worktree needs. */
export class WorkflowHooks {
  readonly #deps: WorkflowHooksDeps

  constructor(deps: WorkflowHooksDeps) {
    this.#deps = deps
  }

  /** Runs `name` in the attempt's worktree if there is one and the engineer consented to it. */
  async run(
    repository: Repository,
    name: HookName,
    attempt: Pick<Attempt, 'id' | 'worktree' | 'branch'>,
    signal: AbortSignal,
  ): Promise<void> {
    const workflow = await this.#deps.workflows.read(repository)
    const script = workflow.hooks[name]
    if (!script) return
    if (!isTrusted(workflow, repository.trustedHash)) {
      this.#deps.log.warn('hook skipped without consent', { repository: repository.id, hook: name })
      return
    }
    const env = await this.#deps.environment()
    const result = await exec('bash', ['-lc', script], {
      cwd: attempt.worktree,
      env: {
        ...env,
        QUARTET_ATTEMPT: attempt.id,
        QUARTET_BRANCH: attempt.branch,
        QUARTET_REPOSITORY: repository.path,
      },
      timeoutMs: workflow.hooks.timeoutMs,
      signal,
      maxBytes: 1024 * 1024,
    })
    if (result.code === 0 && !result.timedOut) return
    const why = result.timedOut
      ? `took longer than ${workflow.hooks.timeoutMs / 1000} s`
      : `ended with code ${result.code}`
    const summary = summariseFailure(Buffer.concat([result.stdout, result.stderr]).toString('utf8'))
    if (FATAL[name])
      throw new Failure('illegal_state', `The hook ${name} ${why}.\n${summary}`, { hook: name })
    this.#deps.log.warn('hook failed', { hook: name, why, summary })
  }

  /** Copies (copy-on-write where the disk can) or links what `files` of the workflow names; never over a file that is there. */
  async copyFiles(repository: Repository, worktree: string): Promise<void> {
    const { files } = await this.#deps.workflows.read(repository)
    if (files.copy.length > 0) {
      for (const path of await this.#deps.git.listIgnored({ repo: repository.path, globs: files.copy })) {
        if (!(await isReallyInside(repository.path, join(repository.path, path)))) continue
        await cp(join(repository.path, path), join(worktree, path), {
          recursive: true,
          force: false,
          errorOnExist: false,
          mode: constants.COPYFILE_FICLONE,
          verbatimSymlinks: true,
        })
      }
    }
    for (const folder of files.link) {
      const from = join(repository.path, folder)
      const to = join(worktree, folder)
      if (!(await isReallyInside(repository.path, from)) || !(await isReallyInside(worktree, dirname(to)))) {
        throw new Failure(
          'workflow_invalid',
          `WORKFLOW.md: files.link: “${folder}” leads out of the repository.`,
        )
      }
      const there = await lstat(to).catch(() => null)
      if (!there && (await lstat(from).catch(() => null))) await symlink(from, to)
    }
  }
}
