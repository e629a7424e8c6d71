import { availableParallelism, homedir } from 'node:os'
import { join } from 'node:path'
import { Scope } from '../kernel/disposable.ts'
import { Emitter } from '../kernel/emitter.ts'
import { createAgentEnvironment } from './agents/agent-environment.ts'
import { type HookListener, listenForHooks } from './agents/hook-listener.ts'
import { hookCommand } from './agents/programs.ts'
import { createAgentRegistry } from './agents/registry.ts'
import { sampleRepository } from './agents/sample-repository.ts'
import { receiveTelemetry } from './agents/telemetry/receiver.ts'
import { createRouter } from './api/router.ts'
import { StateStream } from './api/state-stream.ts'
import { AttemptFinisher } from './attempts/attempt-finisher.ts'
import { AttemptRunner } from './attempts/attempt-runner.ts'
import { AttemptService } from './attempts/attempt-service.ts'
import { createContinueAttempt } from './attempts/continue-attempt.ts'
import { Conversation } from './attempts/conversation.ts'
import { DiffWatch } from './attempts/diff-watch.ts'
import { Dispatcher } from './attempts/dispatcher.ts'
import { HookSelfTest } from './attempts/hook-self-test.ts'
import { MissedReports } from './attempts/missed-reports.ts'
import { PortBlocks } from './attempts/port-blocks.ts'
import { Retire } from './attempts/retire.ts'
import { Signals } from './attempts/signals.ts'
import { watchAgents } from './attempts/watch-agents.ts'
import { placesOf } from './data-dir.ts'
import { Ledger } from './db/ledger.ts'
import { openDatabase } from './db/open.ts'
import { Doctor } from './doctor.ts'
import { createGit } from './git/git.ts'
import { createLanding } from './landing/create-landing.ts'
import type { Core, CoreOptions } from './options.ts'
import { childMarks, settleOrphans } from './orphans.ts'
import { createTerminals } from './pty/create-terminals.ts'
import { connectViewer } from './pty/viewer.ts'
import { recover } from './recovery.ts'
import { RepositoryService } from './repositories/repository-service.ts'
import { SampleService } from './repositories/sample-service.ts'
import { WorkflowHooks } from './repositories/workflow-hooks.ts'
import { WorkflowStore } from './repositories/workflow-store.ts'
import { WorktreeRoots } from './repositories/worktree-roots.ts'
import { createReviewing } from './review/create-reviewing.ts'
import { VerdictService } from './review/verdict-service.ts'
import { VerifyGate } from './review/verify-gate.ts'
import { SettingsStore } from './settings.ts'
import { TaskService } from './tasks/task-service.ts'

const UNDO_MS = 10_000
/** Costs a few stats per repository; a process only where they differ from what git was asked about. */
const REPOSITORY_SWEEP_MS = 60_000
const TRASH_SWEEP_MS = 30_000

/** Puts the core together by hand, brings what a crash left into order, and goes on where it was. */
export async function createCore(options: CoreOptions): Promise<Core> {
  const { clock, redactor } = options
  const places = placesOf(options.dataDir)
  const log = options.log.child('core')
  const marks = childMarks(options.dataDir)
  await settleOrphans(marks, { log, clock })
  const scope = new Scope(log)
  const ledger = new Ledger(await openDatabase(join(places.db, 'quartet.db')), clock, redactor)
  const settings = new SettingsStore(ledger)
  const signals = new Signals()
  const git = createGit({ log: log.child('git'), clock, env: { ...options.env, ...marks.git } })

  const environment = createAgentEnvironment({
    hostEnv: options.env,
    cacheFile: join(places.run, 'environment.json'),
    log: log.child('environment'),
    clock,
  })
  const commandEnvironment = async () => ({ ...(await environment.get()).env, ...marks.commands })
  const agents = createAgentRegistry({
    nodePath: options.nodePath,
    resourcesDir: options.resourcesDir,
    electron: options.host === 'electron',
    rehearsalPace: options.env.QUARTET_REHEARSAL_PACE,
    ownPrices: () => settings.value.prices,
    clock,
  })
  agents.setCustom(settings.value.customAgents)
  scope.own(settings.changed.on((value) => agents.setCustom(value.customAgents)))

  const terminals = scope.own(
    createTerminals({
      dataDir: places.root,
      entry: options.ptyHostEntry,
      nodePath: options.nodePath,
      electron: options.host === 'electron',
      log: log.child('terminals'),
      clock,
    }),
  )
  const workflows = new WorkflowStore({ ledger, clock, log: log.child('workflow'), scope })
  const workflowHooks = new WorkflowHooks({
    git,
    workflows,
    log: log.child('hooks'),
    environment: commandEnvironment,
  })
  const gate = new VerifyGate({
    ledger,
    signals,
    clock,
    redactor,
    logDir: join(places.root, 'checks'),
    environment: commandEnvironment,
    parallel: availableParallelism(),
  })
  const diffs = new DiffWatch({ ledger, git, clock, scope })
  const conversation = new Conversation({
    ledger,
    agents,
    terminals,
    environment: commandEnvironment,
    log,
    send: (attempt, text, by) => messages.send(attempt, text, by),
    resume: (id, message, by) => runner.resume(id, message, by),
    runDir: (id) => runner.runDir(id),
  })
  const reviewing = createReviewing({
    ledger,
    git,
    agents,
    terminals,
    settings,
    workflows,
    environment: commandEnvironment,
    clock,
    log: log.child('review'),
    redactor,
    scope,
    root: places.root,
    runDir: places.run,
    tellAuthor: (attempt, text) => conversation.tell(attempt, text),
    createDraft: (input) => tasks.create(input),
  })
  const finisher = new AttemptFinisher({
    ledger,
    git,
    gate,
    evidence: reviewing.evidence,
    reviews: reviewing.round,
    workflows,
    workflowHooks,
    conversation,
    diffs,
    clock,
    log,
    scope,
  })
  const { supervisor, messages, limits, usage } = watchAgents({
    ledger,
    agents,
    terminals,
    workflows,
    settings,
    finisher,
    diffs,
    signals,
    environment: commandEnvironment,
    clock,
    scope,
  })
  const ports = new PortBlocks({ ledger, log: log.child('ports'), owner: places.root })
  await ports.reconcile()
  const hookProgram = hookCommand(options.nodePath, options.resourcesDir, options.host === 'electron')
  const hookTest = new HookSelfTest({
    hooks: () => hooks,
    hookCommand: hookProgram,
    runRoot: join(places.run, 'attempts'),
    environment: commandEnvironment,
    clock,
  })
  const missed = new MissedReports({
    ledger,
    terminals,
    clock,
    log,
    scope,
    runRoot: join(places.run, 'attempts'),
    onMessage: (message) => supervisor.onMissedHook(message),
  })
  const hooks: HookListener = await listenForHooks({
    dir: places.run,
    log: log.child('hooks'),
    clock,
    redactor,
    onMessage: (message) => {
      if (hookTest.hear(message)) return
      supervisor.onHook(message)
      missed.touch(message.attemptId)
    },
  })
  const telemetry = await receiveTelemetry({
    stateFile: join(places.run, 'telemetry.json'),
    log,
    clock,
    redactor,
    onRecords: (attemptId, records) => usage.report(attemptId, records),
  })
  const runner = new AttemptRunner({
    ledger,
    git,
    agents,
    environment,
    hooks,
    telemetry,
    hookCommand: hookProgram,
    terminals,
    workflows,
    workflowHooks,
    signals,
    ports,
    clock,
    log,
    runRoot: join(places.run, 'attempts'),
    terminalLogDir: places.terminals,
  })
  const dispatcher = new Dispatcher({
    ledger,
    settings,
    runner,
    workflows,
    agents,
    limits,
    usage,
    clock,
    scope,
  })
  const retire = new Retire({
    ledger,
    git,
    terminals,
    finisher,
    dispatcher,
    workflowHooks,
    ports,
    clock,
    log,
    runRoot: join(places.run, 'attempts'),
  })
  const { lane, watch, pulls } = createLanding({
    ledger,
    git,
    gate,
    workflows,
    retire,
    settings,
    continueAttempt: createContinueAttempt({
      ledger,
      agents,
      terminals,
      answer: (id, text) => attempts.answer(id, text),
      runner,
      finisher,
      clock,
    }),
    env: options.env,
    commandEnvironment,
    secrets: options.secrets,
    redactor,
    clock,
    log,
    scope,
    userAgent: `quartet/${options.version}`,
  })
  const verdicts = new VerdictService({
    ledger,
    git,
    retire,
    lane,
    finisher,
    analysis: reviewing.analysis,
    clock,
    scope,
    undoMs: options.undoMs ?? UNDO_MS,
  })
  const repositories = new RepositoryService({ ledger, git, workflows, settings, clock, home: homedir() })
  const roots = new WorktreeRoots({
    ledger,
    workflows,
    environment: commandEnvironment,
    fallback: places.worktrees,
  })
  const tasks = new TaskService({
    ledger,
    git,
    agents,
    settings,
    workflows,
    limits,
    roots,
    clock,
    onFired: () => dispatcher.dispatch(),
    stopAnalysis: (id) => reviewing.analysis.stop(id),
    retireTask: (id) => scope.run(`retiring ${id}`, () => retire.task(id)),
  })
  const sample = new SampleService({
    ledger,
    git,
    repositories,
    tasks,
    sample: () => sampleRepository(options.resourcesDir),
    dataDir: places.root,
  })
  const attempts = new AttemptService({ ledger, git, terminals, runner, retire, messages, clock })
  const stream = new StateStream(ledger, signals)
  const shutdown = new Emitter<{ stopAgents: boolean }>()

  const doctor = new Doctor({
    ledger,
    git,
    agents,
    environment,
    limits,
    hookTest,
    dataDir: places.root,
  })

  await workflows.begin()
  await recover({
    ledger,
    terminals,
    supervisor,
    dispatcher,
    finisher,
    verdicts,
    lane,
    hooks,
    missed,
    retire,
    clock,
    log,
    scope,
    runRoot: join(places.run, 'attempts'),
  })
  reviewing.begin()
  watch.begin()
  // Now, while a start is busy anyhow, and not a minute later, when nothing is to run any more.
  scope.run('looking at the repositories', () => repositories.refreshProblems())
  scope.every('repository sweep', REPOSITORY_SWEEP_MS, () => repositories.refreshProblems())
  scope.every('emptying the trash', TRASH_SWEEP_MS, async () => {
    for (const root of await roots.all()) await git.emptyTrash({ root, signal: scope.signal })
  })

  const busy = () =>
    ledger.select(
      'attempts',
      "status IN ('pending', 'preparing', 'starting', 'running', 'waiting', 'stalled', 'finished', 'verifying', 'reviewing', 'mergeable', 'landing')",
    ).length > 0 || ledger.select('attempts', "status = 'trashed' AND trashRef IS NULL").length > 0

  return {
    router: createRouter({
      ledger,
      stream,
      settings,
      repositories,
      sample,
      tasks,
      attempts,
      verdicts,
      gate,
      finisher,
      conversation,
      reviewing,
      lane,
      pulls,
      info: () => ({
        version: options.version,
        host: options.host,
        capabilities: options.capabilities,
        dataDir: places.root,
        platform: process.platform,
        home: homedir(),
        pid: process.pid,
      }),
      agents: (refresh) => doctor.agents(refresh),
      doctor: () => doctor.lines(),
      requestShutdown: (request) => shutdown.emit(request),
    }),
    connectTerminals: (channel) =>
      connectViewer({
        channel,
        terminals,
        log: log.child('viewer'),
        onInput: (terminalId, bytes) => supervisor.onInput(terminalId, bytes),
      }),
    onShutdown: (listener) => shutdown.on(listener),
    busy,
    close: async ({ stopAgents }) => {
      if (stopAgents) await retire.stopAll('Quartet was closed')
      scope.dispose()
      await Promise.all([hooks.close(), telemetry.close()])
      await scope.settled()
      ledger.close()
    },
  }
}
