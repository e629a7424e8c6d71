import { mkdir, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Failure, messageOf } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import { isInside } from '../../kernel/paths.ts'
import type { Ledger } from '../db/ledger.ts'
import { isTrusted } from './workflow.ts'
import { resolvePath } from './workflow-expand.ts'
import type { WorkflowStore } from './workflow-store.ts'

export interface WorktreeRootsDeps {
  ledger: Ledger
  workflows: WorkflowStore
  /** For `$NAME` and `~` in the path. */
  environment: () => Promise<Readonly<Record<string, string>>>
  /** The app's own folder. */
  fallback: string
}

/** Where the worktrees of each repository go: `workspace.root` of its workflow file, else the app's own folder. */
export class WorktreeRoots {
  readonly #deps: WorktreeRootsDeps

  constructor(deps: WorktreeRootsDeps) {
    this.#deps = deps
  }

  /** The folder for something new, made if it is missing. Throws `workflow_invalid` while the file is broken or the folder cannot be used. */
  async of(repo: Repository): Promise<string> {
    const { workflows, environment, fallback } = this.#deps
    const workflow = await workflows.require(repo)
    const root = workflow.workspaceRoot
    if (root === null || !isTrusted(workflow, repo.trustedHash)) return fallback
    const refuse = (why: string) =>
      new Failure('workflow_invalid', `WORKFLOW.md: workspace.root: ${why}`, {
        name: 'workflow_parse_error',
        key: 'workspace.root',
      })
    const { file } = await workflows.stateOf(repo)
    const path = resolvePath(root, dirname(file), await environment())
    if (path === null) throw refuse(`“${root}” names something that is not set.`)
    if (isInside(repo.path, path) || isInside(path, repo.path))
      throw refuse(`${path} and the repository must lie beside each other.`)
    try {
      await mkdir(path, { recursive: true })
      return await realpath(path)
    } catch (error) {
      throw refuse(messageOf(error))
    }
  }

  /** All folders in which worktrees may lie now. */
  async all(): Promise<string[]> {
    const roots = [this.#deps.fallback]
    for (const repo of this.#deps.ledger.select('repositories')) {
      // A broken file or folder is said where something is to start; what lies there stays where it is.
      const root = await this.of(repo).catch(() => null)
      if (root !== null && !roots.includes(root)) roots.push(root)
    }
    return roots
  }
}
