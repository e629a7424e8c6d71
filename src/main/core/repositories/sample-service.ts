import { realpath, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Repository } from '../../../shared/domain/repository.ts'
import type { Task } from '../../../shared/domain/task.ts'
import { Slot } from '../../../shared/domain/task.ts'
import type { SampleRepository } from '../agents/sample-repository.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { TaskService } from '../tasks/task-service.ts'
import type { RepositoryService } from './repository-service.ts'

export interface SampleServiceDeps {
  ledger: Ledger
  git: Git
  repositories: RepositoryService
  tasks: TaskService
  /** Files of the sample and the brief of its first task. */
  sample: () => Promise<SampleRepository>
  dataDir: string
}

/** The rehearsals of the first run: two good ones, one that fails its checks, one that asks. */
const SCENARIOS = ['good', 'red', 'question', 'good-alt']

/** “Try it on a sample repository”: a small real git repository and a first round of four rehearsals in it. */
export class SampleService {
  readonly #deps: SampleServiceDeps

  constructor(deps: SampleServiceDeps) {
    this.#deps = deps
  }

  async start(): Promise<{ repository: Repository; task: Task }> {
    const { ledger, git, repositories, tasks } = this.#deps
    const sample = await this.#deps.sample()
    const folder = join(this.#deps.dataDir, 'sample', sample.name)
    if (!(await stat(join(folder, '.git')).catch(() => null))) {
      await git.initRepository({ path: folder, branch: 'main', files: sample.files, message: sample.message })
    }
    const path = await realpath(folder)
    const known = ledger.select('repositories', 'path = ?', path)[0]
    // Its commands are ours: no consent to ask for.
    const repository = known ?? (await repositories.add({ path, trust: true }))
    const { task } = await tasks.fire({
      repoId: repository.id,
      brief: sample.brief,
      slots: SCENARIOS.map((scenario) => Slot.parse({ agent: 'rehearsal', scenario })),
    })
    return { repository, task }
  }
}
