import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import type { Task } from '../../../shared/domain/task.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Scope } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'
import type { Environment } from '../agents/driver.ts'
import type { AgentRegistry } from '../agents/registry.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import type { TerminalRegistry } from '../pty/terminal.ts'
import type { WorkflowStore } from '../repositories/workflow-store.ts'
import type { SettingsStore } from '../settings.ts'
import { AttemptCompare } from './attempt-compare.ts'
import { ChangedPictures } from './changed-pictures.ts'
import { EvidenceCollector } from './evidence/evidence-collector.ts'
import { FindingLedger } from './finding-ledger.ts'
import { HeadlessAgents } from './headless-agents.ts'
import { HeadlessRunner } from './headless-run.ts'
import { OverlapRadar } from './overlap-radar.ts'
import { ReviewRound } from './review-round.ts'
import { ReviewService } from './review-service.ts'
import { RoundAnalysis } from './round-analysis.ts'
import { ScratchCheckout } from './scratch-checkout.ts'

export interface ReviewingDeps {
  ledger: Ledger
  git: Git
  agents: AgentRegistry
  terminals: Pick<TerminalRegistry, 'readLog'>
  settings: SettingsStore
  workflows: WorkflowStore
  environment: () => Promise<Environment>
  clock: Clock
  log: Logger
  redactor: Redactor
  scope: Scope
  /** The data directory, and its folder for running things. */
  root: string
  runDir: string
  tellAuthor: (attempt: Attempt, text: string) => Promise<boolean>
  createDraft: (input: { repoId: string; title: string; brief: string; baseBranch: string }) => Task
}

export type Reviewing = ReturnType<typeof createReviewing>

/** Puts together what judges attempts: evidence, reviewers, findings, comparison, and the look back on a trashed round. */
export function createReviewing(deps: ReviewingDeps) {
  const { ledger, git, settings, clock, log, redactor, scope, workflows } = deps
  const dir = join(deps.runDir, 'headless')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const agents = new HeadlessAgents({ agents: deps.agents, environment: deps.environment })
  const runner = new HeadlessRunner({ clock, environment: deps.environment, dir })
  const scratch = new ScratchCheckout({ git, log })
  const findings = new FindingLedger({ ledger, clock, createDraft: deps.createDraft })
  const service = new ReviewService({
    ledger,
    git,
    settings,
    agents,
    runner,
    scratch,
    findings,
    clock,
    log,
    redactor,
  })
  const analysis = new RoundAnalysis({
    ledger,
    git,
    terminals: deps.terminals,
    settings,
    workflows,
    agents,
    runner,
    scratch,
    log,
    redactor,
    scope,
  })
  return {
    evidence: new EvidenceCollector({ ledger, git, clock, log, dir: join(deps.root, 'evidence') }),
    findings,
    round: new ReviewRound({ ledger, service, findings, tellAuthor: deps.tellAuthor }),
    analysis,
    overlaps: new OverlapRadar({ ledger, git, clock }),
    compare: new AttemptCompare({ ledger, git }),
    pictures: new ChangedPictures({ ledger, git }),
    /** Takes up what an earlier life of the core left: checkouts for reviewers, analyses. */
    begin: (): void => {
      for (const repository of ledger.select('repositories'))
        scope.run(`sweeping checkouts of ${repository.id}`, async () => {
          // A repository that is gone has a problem of its own, which its card shows.
          if (repository.problem === null) await scratch.sweep(repository.path)
        })
      analysis.begin()
    },
  }
}
