import { readdir, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Repository, RepositoryInspection } from '../../../shared/domain/repository.ts'
import type { Clock } from '../../kernel/clock.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { SettingsStore } from '../settings.ts'
import {
  isTrusted,
  NO_WORKFLOW,
  parseWorkflow,
  readWorkflow,
  WORKFLOW_FILE,
  type Workflow,
} from './workflow.ts'
import { draftWorkflow } from './workflow-draft.ts'
import { effectiveSettings } from './workflow-settings.ts'
import type { WorkflowStore } from './workflow-store.ts'

export interface RepositoryServiceDeps {
  ledger: Ledger
  git: Git
  workflows: WorkflowStore
  settings: SettingsStore
  clock: Clock
  /** Where a folder browser starts. */
  home: string
}

/** Folders shown at once; a folder with more is cut, and typing the path still reaches the rest. */
const MAX_FOLDERS = 500

/** Local clones that were added to Quartet. */
export class RepositoryService {
  readonly #deps: RepositoryServiceDeps
  /** What each repository looked like when git was last asked about it, with the branch that was asked for. */
  readonly #footprints = new Map<string, string>()

  constructor(deps: RepositoryServiceDeps) {
    this.#deps = deps
  }

  /** Looks at a path; throws the reason why it cannot be added. */
  async inspect(path: string): Promise<RepositoryInspection> {
    const asked = expandHome(path.trim(), this.#deps.home)
    const info = await stat(asked).catch(() => null)
    if (!info) throw new Failure('not_a_repository', `There is nothing at ${asked}.`, { path: asked })
    if (!info.isDirectory())
      throw new Failure('not_a_repository', `${asked} is a file, not a folder.`, { path: asked })
    const found = await this.#deps.git.inspectRepository({ path: asked })
    const hasWorkflow = await stat(join(found.path, WORKFLOW_FILE)).then(
      (s) => s.isFile(),
      () => false,
    )
    return {
      path: found.path,
      name: basename(found.path),
      baseBranch: found.baseBranch,
      headBranch: found.headBranch,
      branches: (await this.#deps.git.listBranches(found.path)).map((branch) => branch.name),
      remoteUrl:
        found.remotes.find((remote) => remote.name === 'origin')?.url ?? found.remotes[0]?.url ?? null,
      hasWorkflow,
      hasSubmodules: found.hasSubmodules,
      hasLfs: found.hasLfs,
    }
  }

  /** Adds a repository. With `trust`, consents to the commands that its WORKFLOW.md holds now. */
  async add(input: {
    path: string
    baseBranch?: string | undefined
    trust?: boolean | undefined
  }): Promise<Repository> {
    const { ledger, git, clock } = this.#deps
    const found = await this.inspect(input.path)
    const known = ledger.select('repositories', 'path = ?', found.path)[0]
    if (known) {
      if (input.trust) return this.trust(known.id)
      throw new Failure('already_added', `${found.path} was added before, as “${known.name}”.`, {
        id: known.id,
      })
    }
    const baseBranch = input.baseBranch ?? found.baseBranch
    // Before git is asked, here as everywhere: a change in between is one more look, never one too few.
    const footprint = await git.repositoryFootprint(found.path, baseBranch)
    await git.resolveBase(found.path, baseBranch)
    const workflow = await readWorkflow(found.path).catch(() => NO_WORKFLOW)
    const now = clock.now()
    const added = ledger.commit((tx) => {
      const repository = tx.put('repositories', {
        id: mintId('repo', now),
        path: found.path,
        name: found.name,
        baseBranch,
        remoteUrl: found.remoteUrl,
        forge: 'local',
        trustedHash: input.trust ? workflow.hash : null,
        problem: null,
        createdAt: now,
      })
      tx.fact({
        kind: 'repository.added',
        actor: 'engineer',
        repoId: repository.id,
        body: { name: repository.name, baseBranch },
      })
      if (input.trust && workflow.hash) this.#factOfTrust(tx, repository.id, workflow)
      return repository
    })
    this.#footprints.set(added.id, footprint)
    // Broken or not: how the file stands is known from here on.
    await this.#deps.workflows.read(added)
    return added
  }

  async update(id: string, baseBranch: string): Promise<Repository> {
    const { ledger, git } = this.#deps
    const { path } = ledger.require('repositories', id)
    const footprint = await git.repositoryFootprint(path, baseBranch)
    await git.resolveBase(path, baseBranch)
    const updated = ledger.commit((tx) => tx.patch('repositories', id, { baseBranch }))
    this.#footprints.set(id, footprint)
    return this.#saw(updated, null)
  }

  /** Consents to the commands that the file holds now; with `hash` only if they are those that were shown. */
  async trust(id: string, hash?: string): Promise<Repository> {
    const { ledger } = this.#deps
    const repository = ledger.require('repositories', id)
    const workflow = await this.#deps.workflows.require(repository)
    if (hash !== undefined && hash !== workflow.hash) {
      throw new Failure('consent_needed', 'The commands have changed since they were shown. Look again.', {
        hash: workflow.hash,
      })
    }
    return ledger.commit((tx) => {
      this.#factOfTrust(tx, id, workflow)
      return tx.patch('repositories', id, { trustedHash: workflow.hash })
    })
  }

  async commands(id: string): Promise<{
    hash: string | null
    trusted: boolean
    commands: { key: string; run: string }[]
    problem: string | null
  }> {
    const repository = this.#deps.ledger.require('repositories', id)
    try {
      const workflow = await this.#deps.workflows.require(repository)
      return {
        hash: workflow.hash,
        trusted: isTrusted(workflow, repository.trustedHash),
        commands: workflow.commands,
        problem: null,
      }
    } catch (error) {
      return { hash: null, trusted: false, commands: [], problem: messageOf(error) }
    }
  }

  /** The workflow file as it stands, and every setting in force with its source. */
  async workflow(id: string) {
    const { ledger, workflows, settings } = this.#deps
    const repository = ledger.require('repositories', id)
    const { text, ...state } = await workflows.stateOf(repository)
    const workflow = workflows.inForce(id)
    const readable = state.state === 'ok' ? text : null
    return {
      state,
      settings: effectiveSettings(workflow, readable, settings.value, basename(state.file)),
      template: workflow.template,
      unknownKeys: workflow.unknownKeys,
      commands: workflow.commands,
      trusted: isTrusted(workflow, repository.trustedHash),
      text,
    }
  }

  async draftWorkflow(id: string) {
    const repository = this.#deps.ledger.require('repositories', id)
    const { file, text } = await this.#deps.workflows.stateOf(repository)
    return { file, exists: text !== null, ...(await draftWorkflow(repository.path)) }
  }

  /** Writes a workflow file where there is none. */
  async createWorkflow(id: string, text: string) {
    const repository = this.#deps.ledger.require('repositories', id)
    const { file } = await this.#deps.workflows.stateOf(repository)
    parseWorkflow(text, basename(file))
    try {
      await writeFile(file, text, { flag: 'wx' })
    } catch (error) {
      const there = error instanceof Error && 'code' in error && error.code === 'EEXIST'
      const why = there ? 'it is there by now. Close this, and look at it first.' : messageOf(error)
      throw new Failure('illegal_state', `${file} cannot be created: ${why}`, { file })
    }
    const { text: _text, ...state } = await this.#deps.workflows.stateOf(repository)
    return state
  }

  useWorkflow(id: string, path: string | null) {
    const repository = this.#deps.ledger.require('repositories', id)
    return this.#deps.workflows.usePath(
      repository,
      path && expandHome(path, this.#deps.home, repository.path),
    )
  }

  async branches(id: string): Promise<string[]> {
    const branches = await this.#deps.git.listBranches(this.#deps.ledger.require('repositories', id).path)
    return branches.map((branch) => branch.name)
  }

  remove(id: string): void {
    const { ledger } = this.#deps
    ledger.require('repositories', id)
    const tasks = ledger.select('tasks', 'repoId = ?', id)
    if (tasks.some((task) => task.closedAt === null && task.status !== 'draft')) {
      throw new Failure('in_use', 'This repository has open tasks. Land or abandon them first.')
    }
    if (tasks.length > 0)
      throw new Failure(
        'in_use',
        'This repository has a history in Quartet, which is kept. It only shows when it is selected.',
      )
    ledger.commit((tx) => {
      tx.remove('repositories', id)
      tx.fact({ kind: 'repository.removed', actor: 'engineer', body: { id } })
    })
    this.#footprints.delete(id)
    this.#deps.workflows.forget(id)
  }

  /** What of the repository's own git configuration is left out, because it names programs. */
  async shutConfig(id: string): Promise<{ keys: string[] }> {
    return { keys: await this.#deps.git.shutConfig(this.#deps.ledger.require('repositories', id).path) }
  }

  /**
   * Looks whether the repositories are still there and readable; a problem is shown and nothing is removed. Git is asked
   * about those alone that changed since it was last asked: at rest this starts no process.
   */
  async refreshProblems(): Promise<void> {
    const { ledger, git } = this.#deps
    for (const repository of ledger.select('repositories')) {
      const footprint = await git.repositoryFootprint(repository.path, repository.baseBranch)
      if (this.#footprints.get(repository.id) === footprint) continue
      const { problem, lasts } = await this.#problemOf(repository, 'background')
      const now = ledger.get('repositories', repository.id)
      // Removed, or its base was changed and looked at, while git answered for the old one.
      if (now?.baseBranch !== repository.baseBranch) continue
      if (lasts) this.#footprints.set(repository.id, footprint)
      this.#saw(now, problem)
    }
  }

  #saw(repository: Repository, problem: string | null): Repository {
    if (problem === repository.problem) return repository
    return this.#deps.ledger.commit((tx) => {
      tx.fact({ kind: 'repository.problem', repoId: repository.id, body: { problem } })
      return tx.patch('repositories', repository.id, { problem })
    })
  }

  /** The repository, or `repository_missing` when it cannot be read now. */
  async usable(id: string): Promise<Repository> {
    const repository = this.#deps.ledger.require('repositories', id)
    const { problem } = await this.#problemOf(repository, 'interactive')
    if (problem) throw new Failure('repository_missing', problem, { id })
    return repository
  }

  async browse(path: string | undefined): Promise<{
    path: string
    parent: string | null
    entries: { name: string; path: string; isRepository: boolean }[]
  }> {
    const at = path ? expandHome(path, this.#deps.home) : this.#deps.home
    let names: string[]
    try {
      const listed = await readdir(at, { withFileTypes: true })
      names = listed
        .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
        .map((entry) => entry.name)
    } catch (error) {
      throw new Failure('not_found', `Cannot list ${at}: ${messageOf(error)}`, { path: at })
    }
    const shown = names.sort((a, b) => a.localeCompare(b)).slice(0, MAX_FOLDERS)
    const entries = await Promise.all(
      shown.map(async (name) => ({
        name,
        path: join(at, name),
        isRepository: await stat(join(at, name, '.git')).then(
          () => true,
          () => false,
        ),
      })),
    )
    return { path: at, parent: dirname(at) === at ? null : dirname(at), entries }
  }

  /** `lasts` says that the answer holds until the repository changes; that git was busy or not to be found does not. */
  async #problemOf(
    repository: Repository,
    priority: 'interactive' | 'background',
  ): Promise<{ problem: string | null; lasts: boolean }> {
    try {
      await this.#deps.git.resolveBase(repository.path, repository.baseBranch, { priority })
      return { problem: null, lasts: true }
    } catch (error) {
      const gone = await stat(repository.path).then(
        () => false,
        () => true,
      )
      if (gone)
        return {
          problem: `${repository.path} is gone. Put it back, or abandon its tasks.`,
          lasts: true,
        }
      if (!isFailure(error)) throw error
      return {
        problem: error.message,
        lasts: error.code === 'base_missing' || error.code === 'repository_missing',
      }
    }
  }

  #factOfTrust(
    tx: {
      fact: (fact: {
        kind: 'repository.trusted'
        actor: 'engineer'
        repoId: string
        body: Record<string, unknown>
      }) => void
    },
    repoId: string,
    workflow: Workflow,
  ): void {
    tx.fact({
      kind: 'repository.trusted',
      actor: 'engineer',
      repoId,
      body: { hash: workflow.hash, commands: workflow.commands.map((command) => command.key) },
    })
  }
}

function expandHome(path: string, home: string, folder = '.'): string {
  if (path === '~') return home
  return path.startsWith('~/') ? join(home, path.slice(2)) : resolve(folder, path)
}
