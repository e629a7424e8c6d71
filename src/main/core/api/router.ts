import { implement } from '@orpc/server'
import { contract } from '../../../shared/contract/contract.ts'
import type { TaskView } from '../../../shared/contract/tasks.ts'
import { Failure } from '../../../shared/domain/failure.ts'
import type { AgentInfo, DoctorLine, SystemInfo } from '../../../shared/domain/host.ts'
import type { Task } from '../../../shared/domain/task.ts'
import type { AttemptFinisher } from '../attempts/attempt-finisher.ts'
import type { AttemptService } from '../attempts/attempt-service.ts'
import type { Conversation } from '../attempts/conversation.ts'
import type { Ledger } from '../db/ledger.ts'
import type { LandLane } from '../landing/land-lane.ts'
import type { PullService } from '../landing/pull-service.ts'
import type { RepositoryService } from '../repositories/repository-service.ts'
import type { SampleService } from '../repositories/sample-service.ts'
import type { Reviewing } from '../review/create-reviewing.ts'
import { decisionTimes } from '../review/decision-times.ts'
import type { VerdictService } from '../review/verdict-service.ts'
import type { VerifyGate } from '../review/verify-gate.ts'
import type { SettingsStore } from '../settings.ts'
import type { TaskService } from '../tasks/task-service.ts'
import type { StateStream } from './state-stream.ts'

/** The services behind the contract. */
export interface Services {
  ledger: Ledger
  stream: StateStream
  settings: SettingsStore
  repositories: RepositoryService
  sample: SampleService
  tasks: TaskService
  attempts: AttemptService
  verdicts: VerdictService
  gate: VerifyGate
  finisher: AttemptFinisher
  conversation: Conversation
  reviewing: Reviewing
  lane: LandLane
  pulls: PullService
  info: () => SystemInfo
  agents: (refresh: boolean) => Promise<AgentInfo[]>
  doctor: () => Promise<DoctorLine[]>
  requestShutdown: (request: { stopAgents: boolean }) => void
}

const OK = { ok: true } as const

/** The contract, implemented: each procedure hands over to one service. Failures pass through to `serve.ts`. */
export function createRouter(services: Services) {
  const os = implement(contract)
  const { ledger, tasks, attempts, verdicts, repositories, reviewing } = services
  const view = (task: Task): TaskView => ({
    ...task,
    repoPath: ledger.require('repositories', task.repoId).path,
  })

  return os.router({
    system: {
      info: os.system.info.handler(() => services.info()),
      agents: os.system.agents.handler(({ input }) => services.agents(input.refresh ?? false)),
      doctor: os.system.doctor.handler(() => services.doctor()),
      settings: os.system.settings.handler(() => services.settings.value),
      saveSettings: os.system.saveSettings.handler(({ input }) => services.settings.save(definedOnly(input))),
      shutdown: os.system.shutdown.handler(({ input }) => {
        services.requestShutdown(input)
        return OK
      }),
    },
    state: {
      subscribe: os.state.subscribe.handler(({ input, signal }) =>
        services.stream.subscribe(input.clientId, input.known, signal),
      ),
      ack: os.state.ack.handler(({ input }) => {
        services.stream.ack(input.clientId, input.seq)
        return OK
      }),
    },
    repositories: {
      inspect: os.repositories.inspect.handler(({ input }) => repositories.inspect(input.path)),
      add: os.repositories.add.handler(({ input }) => repositories.add(input)),
      list: os.repositories.list.handler(() => ledger.select('repositories', '1 ORDER BY name')),
      update: os.repositories.update.handler(({ input }) => repositories.update(input.id, input.baseBranch)),
      trust: os.repositories.trust.handler(({ input }) => repositories.trust(input.id, input.hash)),
      commands: os.repositories.commands.handler(({ input }) => repositories.commands(input.id)),
      shutConfig: os.repositories.shutConfig.handler(({ input }) => repositories.shutConfig(input.id)),
      workflow: os.repositories.workflow.handler(({ input }) => repositories.workflow(input.id)),
      draftWorkflow: os.repositories.draftWorkflow.handler(({ input }) =>
        repositories.draftWorkflow(input.id),
      ),
      createWorkflow: os.repositories.createWorkflow.handler(({ input }) =>
        repositories.createWorkflow(input.id, input.text),
      ),
      useWorkflow: os.repositories.useWorkflow.handler(({ input }) =>
        repositories.useWorkflow(input.id, input.path),
      ),
      remove: os.repositories.remove.handler(({ input }) => {
        repositories.remove(input.id)
        return { id: input.id }
      }),
      branches: os.repositories.branches.handler(({ input }) => repositories.branches(input.id)),
      browse: os.repositories.browse.handler(({ input }) => repositories.browse(input.path)),
      trySample: os.repositories.trySample.handler(() => services.sample.start()),
    },
    tasks: {
      create: os.tasks.create.handler(({ input }) => view(tasks.create(input))),
      edit: os.tasks.edit.handler(({ input }) => view(tasks.edit(input.id, input))),
      fire: os.tasks.fire.handler(async ({ input }) => {
        const fired = await tasks.fire(input)
        return { task: view(fired.task), attempts: fired.attempts }
      }),
      fireRound: os.tasks.fireRound.handler(async ({ input }) => {
        const fired = await tasks.fireRound(input.id, input)
        return { task: view(fired.task), attempts: fired.attempts }
      }),
      preview: os.tasks.preview.handler(({ input }) => tasks.preview(input)),
      list: os.tasks.list.handler(({ input }) => {
        const found = ledger.select(
          'tasks',
          `${input.all ? '1' : 'closedAt IS NULL'} ORDER BY createdAt DESC`,
        )
        return found.filter((task) => !input.repoId || task.repoId === input.repoId).map(view)
      }),
      get: os.tasks.get.handler(({ input }) => {
        const task = ledger.require('tasks', input.id)
        return {
          task: view(task),
          rounds: tasks.roundsOf(task.id),
          attempts: ledger.select('attempts', 'taskId = ? ORDER BY round, n', task.id),
          lessons: tasks.lessonsOf(task.id),
        }
      }),
      editLesson: os.tasks.editLesson.handler(({ input }) => tasks.editLesson(input)),
      abandon: os.tasks.abandon.handler(({ input }) => view(tasks.abandon(input.id))),
      land: os.tasks.land.handler(({ input }) => {
        services.lane.retry(input.id)
        return view(ledger.require('tasks', input.id))
      }),
    },
    attempts: {
      list: os.attempts.list.handler(({ input }) => {
        if (input.taskId) return ledger.select('attempts', 'taskId = ? ORDER BY round, n', input.taskId)
        return ledger.select(
          'attempts',
          `${input.all ? '1' : "status NOT IN ('landed', 'trashed')"} ORDER BY createdAt DESC, n`,
        )
      }),
      get: os.attempts.get.handler(({ input }) => ledger.require('attempts', input.id)),
      verdict: os.attempts.verdict.handler(({ input }) => verdicts.give(input)),
      undo: os.attempts.undo.handler(({ input }) => verdicts.undo(input.id)),
      restore: os.attempts.restore.handler(({ input }) => verdicts.restore(input.id)),
      stop: os.attempts.stop.handler(({ input }) => attempts.stop(input.id)),
      answer: os.attempts.answer.handler(({ input }) => attempts.answer(input.id, input.text)),
      resume: os.attempts.resume.handler(({ input }) => attempts.resume(input.id)),
      continue: os.attempts.continue.handler(({ input }) =>
        services.conversation.continue(input.id, input.message, input.comments),
      ),
      verify: os.attempts.verify.handler(({ input }) => services.finisher.verify(input.id, 'verify')),
      cancelVerify: os.attempts.cancelVerify.handler(({ input }) => {
        if (!services.gate.cancel(input.id))
          throw new Failure('illegal_state', 'No checks run for this attempt.')
        return ledger.require('attempts', input.id)
      }),
      changes: os.attempts.changes.handler(({ input }) => attempts.changes(input.id)),
      patch: os.attempts.patch.handler(({ input }) => attempts.patch(input.id, input.paths)),
      checkLog: os.attempts.checkLog.handler(async ({ input }) => ({
        check: ledger.require('checks', input.checkId),
        text: await services.gate.readLog(input.checkId),
      })),
      log: os.attempts.log.handler(({ input }) =>
        attempts.log(input.id, input.from, input.maxBytes, input.raw, input.run),
      ),
      marks: os.attempts.marks.handler(({ input }) => attempts.marks(input.id, input.run)),
      screenAt: os.attempts.screenAt.handler(({ input }) =>
        attempts.screenAt(input.id, input.offset, input.run),
      ),
    },
    review: {
      run: os.review.run.handler(({ input }) => services.finisher.verify(input.id, 'review')),
      answer: os.review.answer.handler(({ input }) =>
        reviewing.findings.answer(input.findingId, input.status, input.answer),
      ),
      ask: os.review.ask.handler(({ input }) => reviewing.round.askOpen(input.id)),
      picture: os.review.picture.handler(({ input }) =>
        reviewing.evidence.picture(input.evidenceId, input.name),
      ),
      overlaps: os.review.overlaps.handler(({ input }) => reviewing.overlaps.read(input.repoId)),
      compare: os.review.compare.handler(({ input }) => reviewing.compare.compare(input.a, input.b)),
      patch: os.review.patch.handler(({ input }) => reviewing.compare.patch(input.a, input.b, input.paths)),
      blob: os.review.blob.handler(({ input }) => reviewing.pictures.read(input)),
      decisionTimes: os.review.decisionTimes.handler(({ input }) => decisionTimes(ledger, input.repoId)),
      stopAnalysis: os.review.stopAnalysis.handler(({ input }) => {
        reviewing.analysis.stop(input.taskId)
        return OK
      }),
    },
    landing: {
      list: os.landing.list.handler(({ input }) =>
        ledger
          .select(
            'landRuns',
            input.all ? '1 ORDER BY startedAt DESC' : 'endedAt IS NULL ORDER BY repoId, baseBranch, rank',
          )
          .filter((run) => input.repoId === undefined || run.repoId === input.repoId),
      ),
      pause: os.landing.pause.handler(({ input }) => services.lane.pause(input.id)),
      resume: os.landing.resume.handler(({ input }) => services.lane.resume(input.id)),
      reorder: os.landing.reorder.handler(({ input }) => services.lane.reorder(input.id, input.before)),
      remove: os.landing.remove.handler(({ input }) => services.lane.remove(input.id)),
    },
    pulls: {
      list: os.pulls.list.handler(({ input }) => services.pulls.list(input)),
      get: os.pulls.get.handler(({ input }) => {
        const pull = ledger.require('pulls', input.id)
        return {
          pull,
          checks: ledger.select(
            'pullChecks',
            'pullId = ? AND headSha = ? ORDER BY name',
            pull.id,
            pull.headSha,
          ),
          threads: ledger.select('reviewThreads', 'pullId = ? ORDER BY id', pull.id),
        }
      }),
      refresh: os.pulls.refresh.handler(({ input }) => services.pulls.refresh(input.id)),
      reply: os.pulls.reply.handler(({ input }) => services.pulls.reply(input.threadId, input.text)),
      attend: os.pulls.attend.handler(({ input }) => {
        services.pulls.attend(input.focused)
        return OK
      }),
      setForge: os.pulls.setForge.handler(({ input }) => services.pulls.setForge(input.repoId, input.forge)),
      access: os.pulls.access.handler(({ input }) => services.pulls.access(input.repoId)),
      tokens: os.pulls.tokens.handler(() => services.pulls.tokens()),
      saveToken: os.pulls.saveToken.handler(async ({ input }) => {
        await services.pulls.saveToken(input.host, input.token)
        return OK
      }),
    },
    history: {
      facts: os.history.facts.handler(({ input }) => ledger.facts(input)),
    },
  })
}

/** Without the keys whose value is undefined: a partial update must not erase what it does not name. */
function definedOnly<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
