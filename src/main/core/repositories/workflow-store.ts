import { type FSWatcher, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { Failure, isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Repository } from '../../../shared/domain/repository.ts'
import { WorkflowProblem, type WorkflowState } from '../../../shared/domain/workflow.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import { Emitter } from '../../kernel/emitter.ts'
import { KeyedMutex } from '../../kernel/keyed-mutex.ts'
import type { Logger } from '../../kernel/logger.ts'
import { isReallyInside } from '../../kernel/paths.ts'
import type { Ledger } from '../db/ledger.ts'
import { isTrusted, NO_WORKFLOW, parseWorkflow, WORKFLOW_FILE, type Workflow } from './workflow.ts'
import { MAX_WORKFLOW_BYTES, workflowFailure } from './workflow-source.ts'

export interface WorkflowStoreDeps {
  ledger: Ledger
  clock: Clock
  log: Logger
  scope: Scope
}

/** An editor writes a file in several steps; what is read in between is nobody's intention. */
const SETTLE_MS = 150
/** Catches what a watch missed, and watches again what could not be watched. */
const SWEEP_MS = 30_000

interface Loaded {
  /** What applies: the file, or what it last held validly. */
  workflow: Workflow
  state: WorkflowState
}

/**
 * The workflow files of all repositories: read before each start, watched, and kept at their last valid content while
 * they are broken. What is in force is known at any moment; how the file stands is a row that every window sees.
 */
export class WorkflowStore {
  /** A repository whose file changed: its id. */
  readonly changed = new Emitter<string>()
  readonly #deps: WorkflowStoreDeps
  readonly #loaded = new Map<string, Loaded & { text: string | null }>()
  readonly #watches = new Map<
    string,
    { folder: string; watcher: FSWatcher; timer: NodeJS.Timeout | undefined }
  >()
  readonly #reading = new KeyedMutex()
  #begun = false

  constructor(deps: WorkflowStoreDeps) {
    this.#deps = deps
    deps.scope.own({
      dispose: () => {
        for (const repoId of [...this.#watches.keys()]) this.#unwatch(repoId)
      },
    })
  }

  /** Reads and watches the files of all repositories. */
  async begin(): Promise<void> {
    this.#begun = true
    await this.#sweep()
    this.#deps.scope.every('workflow files', SWEEP_MS, () => this.#sweep())
  }

  /** Reads the file now and gives what is in force. A broken file gives its last valid content (or none) and never throws. */
  async read(repository: Repository): Promise<Workflow> {
    return (await this.#load(repository)).workflow
  }

  /** The same for something new that starts: throws `workflow_invalid` while the file is broken. */
  async require(repository: Repository): Promise<Workflow> {
    const { workflow, state } = await this.#load(repository)
    if (state.state === 'invalid') throw workflowFailure(basename(state.file), state.problems)
    return workflow
  }

  /** `require`, and every command of the file has the engineer's consent. Throws `consent_needed`. */
  async requireTrusted(repository: Repository): Promise<Workflow> {
    const workflow = await this.require(repository)
    if (isTrusted(workflow, repository.trustedHash)) return workflow
    throw new Failure('consent_needed', 'The commands in WORKFLOW.md wait for your consent.', {
      repoId: repository.id,
    })
  }

  /** What is in force, as it was last read; a repository that was never read has none. */
  inForce(repoId: string): Workflow {
    return this.#loaded.get(repoId)?.workflow ?? NO_WORKFLOW
  }

  /** Why nothing new starts in this repository, as one sentence; null when it may. */
  problemOf(repoId: string): string | null {
    const state = this.#loaded.get(repoId)?.state
    if (state?.state !== 'invalid') return null
    return workflowFailure(basename(state.file), state.problems).message
  }

  /** How the file stands, read now. */
  async stateOf(repository: Repository): Promise<WorkflowState & { text: string | null }> {
    const { state, text } = await this.#load(repository)
    return { ...state, text }
  }

  /** Uses another file than `WORKFLOW.md` at the root (null: that one again). */
  async usePath(repository: Repository, path: string | null): Promise<WorkflowState> {
    this.#deps.ledger.saveSetting(pathKey(repository.id), path?.trim() || null)
    this.#unwatch(repository.id)
    return (await this.#load(repository)).state
  }

  /** Forgets a repository that was removed. */
  forget(repoId: string): void {
    this.#unwatch(repoId)
    this.#loaded.delete(repoId)
    this.#deps.ledger.commit((tx) => tx.remove('workflows', repoId))
  }

  async #sweep(): Promise<void> {
    for (const repository of this.#deps.ledger.select('repositories')) {
      if (this.#deps.scope.disposed) return
      await this.#load(repository)
    }
  }

  #load(repository: Repository): Promise<Loaded & { text: string | null }> {
    // One at a time, so that an older content never overtakes a newer one.
    return this.#reading.run(repository.id, async () => {
      const { file, path } = this.#place(repository)
      // Before it is read: a change in between is heard.
      if (this.#begun) this.#watch(repository.id, file)
      const found = await this.#readFile(repository, file, path !== null)
      const before = this.#loaded.get(repository.id)
      const wasUnreadable = before?.state.state === 'invalid' && before.text === null
      if (before?.state.file === file && before.text === found.text && !found.problem && !wasUnreadable)
        return before
      let workflow = NO_WORKFLOW
      let problems = found.problem ? [found.problem] : []
      if (!found.problem && found.text !== null) {
        try {
          workflow = parseWorkflow(found.text, basename(file))
        } catch (error) {
          if (!isFailure(error, 'workflow_invalid')) throw error
          problems = WorkflowProblem.array().parse(error.data.problems)
        }
      }
      const invalid = problems.length > 0
      const lastGood = invalid ? this.#lastGood(repository.id, file, before) : null
      if (invalid) workflow = lastGood ?? NO_WORKFLOW
      const state = {
        id: repository.id,
        file,
        path,
        state: invalid ? ('invalid' as const) : found.text === null ? ('absent' as const) : ('ok' as const),
        problems,
        usingLastGood: lastGood !== null,
        hash: workflow.hash,
        at: this.#deps.clock.now(),
      }
      const loaded = { workflow, text: found.text, state: this.#write(repository, state) }
      if (!invalid) this.#deps.ledger.saveSetting(goodKey(repository.id), { file, text: found.text })
      this.#loaded.set(repository.id, loaded)
      if (before && (before.text !== found.text || before.state.state !== state.state))
        this.changed.emit(repository.id)
      return loaded
    })
  }

  #write(repository: Repository, state: Omit<WorkflowState, 'rev'>): WorkflowState {
    const { ledger } = this.#deps
    const old = ledger.get('workflows', repository.id)
    const same = (row: Omit<WorkflowState, 'rev'>) =>
      JSON.stringify([row.file, row.path, row.state, row.problems, row.usingLastGood, row.hash])
    if (old && same(old) === same(state)) return old
    return ledger.commit((tx) => {
      tx.fact({
        kind: 'workflow.loaded',
        repoId: repository.id,
        body: { state: state.state, hash: state.hash, problems: state.problems },
      })
      return tx.put('workflows', state)
    })
  }

  /** The last valid content: from memory, or what an earlier run of the app saved. */
  #lastGood(repoId: string, file: string, before: Loaded | undefined): Workflow | null {
    if (before && before.state.state === 'ok' && before.state.file === file) return before.workflow
    if (before?.state.usingLastGood && before.state.file === file) return before.workflow
    const saved = this.#deps.ledger.setting(goodKey(repoId))
    if (typeof saved !== 'object' || saved === null || !('text' in saved) || !('file' in saved)) return null
    if (saved.file !== file || typeof saved.text !== 'string') return null
    try {
      return parseWorkflow(saved.text, basename(file))
    } catch {
      // A newer version is stricter than the one that saved it.
      return null
    }
  }

  #place(repository: Repository): { file: string; path: string | null } {
    const saved = this.#deps.ledger.setting(pathKey(repository.id))
    const path = typeof saved === 'string' ? saved : null
    if (path === null) return { file: join(repository.path, WORKFLOW_FILE), path }
    return { file: isAbsolute(path) ? path : join(repository.path, path), path }
  }

  async #readFile(
    repository: Repository,
    file: string,
    named: boolean,
  ): Promise<{ text: string | null; problem: WorkflowProblem | null }> {
    const problem = (name: WorkflowProblem['name'], message: string) => ({
      text: null,
      problem: { name, key: null, line: null, message },
    })
    try {
      // A link out of the repository would put a file of the user's into every prompt.
      if (!named && !(await isReallyInside(repository.path, file)))
        return problem('workflow_parse_error', 'it leads out of the repository.')
      const handle = await open(file)
      try {
        const { size } = await handle.stat()
        if (size > MAX_WORKFLOW_BYTES) return problem('workflow_parse_error', 'it is larger than 1 MiB.')
        return { text: await handle.readFile('utf8'), problem: null }
      } finally {
        await handle.close()
      }
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      if (missing && !named) return { text: null, problem: null }
      if (missing) return problem('missing_workflow_file', `there is no file ${file}.`)
      return problem('workflow_parse_error', `it cannot be read: ${messageOf(error)}`)
    }
  }

  #watch(repoId: string, file: string): void {
    const folder = dirname(file)
    if (this.#deps.scope.disposed || this.#watches.get(repoId)?.folder === folder) return
    this.#unwatch(repoId)
    try {
      // The folder and not the file: editors replace files, and a watch would stay with the old one.
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || name === basename(file)) this.#touched(repoId)
      })
      watcher.on('error', (error) => {
        this.#deps.log.warn('workflow file is no longer watched', { repoId, error })
        this.#unwatch(repoId)
      })
      this.#watches.set(repoId, { folder, watcher, timer: undefined })
    } catch (error) {
      // Out of watches, or the folder is gone: the sweep and the reading before each start remain.
      this.#deps.log.warn('workflow file cannot be watched', { repoId, error })
    }
  }

  #touched(repoId: string): void {
    const watched = this.#watches.get(repoId)
    if (!watched) return
    clearTimeout(watched.timer)
    watched.timer = setTimeout(
      () =>
        this.#deps.scope.run(`reading the workflow of ${repoId}`, async () => {
          const repository = this.#deps.ledger.get('repositories', repoId)
          if (repository) await this.#load(repository)
        }),
      SETTLE_MS,
    )
  }

  #unwatch(repoId: string): void {
    const watched = this.#watches.get(repoId)
    clearTimeout(watched?.timer)
    watched?.watcher.close()
    this.#watches.delete(repoId)
  }
}

const goodKey = (repoId: string) => `workflow-good:${repoId}`
const pathKey = (repoId: string) => `workflow-path:${repoId}`
