import { access, mkdir, realpath, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Terminal } from '@xterm/headless'
import { spawn } from 'node-pty'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AgentDriver, AgentEvent, LaunchContext } from '../../src/main/core/agents/driver.ts'
import { listenForHooks } from '../../src/main/core/agents/hook-listener.ts'
import { createAgentRegistry } from '../../src/main/core/agents/registry.ts'
import {
  addWorktree,
  git,
  makeContext,
  makeRepository,
  RESOURCES,
  slot,
  tempDir,
  until,
} from '../../src/main/core/agents/test-support.ts'
import { systemClock } from '../../src/main/kernel/clock.ts'
import { exec } from '../../src/main/kernel/exec.ts'
import { silentLogger } from '../../src/main/kernel/logger.ts'
import { Redactor } from '../../src/main/kernel/redact.ts'
import { type ModelServer, play, type Script, type Step, startModelServer } from '../fixtures/model-server.ts'

/**
 * The real Codex and Claude Code in real PTYs against the scripted model, through our drivers. They are large, so they are
 * looked for in the folder that QUARTET_AGENTS_DIR names (with `node_modules/.bin` in it); without it nothing is tested here.
 */
const AGENTS_DIR = process.env.QUARTET_AGENTS_DIR
const BIN = join(AGENTS_DIR ?? '/nonexistent', 'node_modules', '.bin')
const here = await access(join(BIN, 'codex')).then(
  () => true,
  () => false,
)
const BRANCH = 'quartet/hours-abc123/r1a1'
const API_KEY = 'sk-ant-scripted-000000000000000000000000'

const commit: Step = {
  do: 'run',
  command: 'date > hello.txt && git add hello.txt && git commit -qm "Add hello"',
}
const say = (text: string): Step => ({ do: 'say', text })
const script: Script = (request) => {
  const last = request.userMessages.at(-1) ?? ''
  if (last.includes('ask for it'))
    return play(
      { do: 'run', command: 'touch ../outside.txt', ask: 'It lies outside' },
      say('I was allowed to.'),
    )(request)
  if (last.includes('break off')) return request.retries === 0 ? { do: 'drop' } : say('The line is back.')
  if (last.includes('quota'))
    return { do: 'refuse', status: 429, message: 'Rate limit reached', retryAfterSeconds: 1 }
  if (last.includes('stand still')) return { do: 'wait', ms: 120_000, next: say('too late') }
  if (last.includes('long brief'))
    return play({ do: 'run', command: 'wc -c < "$QUARTET_PROMPT_FILE"' }, say('Read.'))(request)
  return play(commit, say('Committed.'))(request)
}

/** A home of its own for the agent, as it looks after the engineer has used the agent once. */
async function makeHome(agent: string, repo: string, server: ModelServer): Promise<Record<string, string>> {
  const home = await tempDir('home')
  await writeFile(join(home, '.gitconfig'), '[user]\nname=Agent\nemail=agent@example.com\n')
  if (agent === 'codex') {
    await mkdir(join(home, '.codex'))
    await writeFile(
      join(home, '.codex', 'config.toml'),
      `model_provider = "scripted"\n[model_providers.scripted]\nname = "scripted"\nbase_url = "${server.url}/v1"\nwire_api = "responses"\nenv_key = "SCRIPTED_KEY"\n`,
    )
    return { HOME: home, SCRIPTED_KEY: 'scripted' }
  }
  await mkdir(join(home, '.claude'))
  await writeFile(
    join(home, '.claude', 'settings.json'),
    JSON.stringify({
      permissions: {
        defaultMode: 'acceptEdits',
        allow: ['Bash(git *)', 'Bash(date *)', 'Bash(wc *)', 'Bash(date > hello.txt)'],
      },
    }),
  )
  await writeFile(
    join(home, '.claude.json'),
    JSON.stringify({
      hasCompletedOnboarding: true,
      hasSeenAutoDefaultNudge: true,
      customApiKeyResponses: { approved: [API_KEY.slice(-20)], rejected: [] },
      projects: { [await realpath(repo)]: { hasTrustDialogAccepted: true } },
    }),
  )
  return { HOME: home, ANTHROPIC_API_KEY: API_KEY, ANTHROPIC_BASE_URL: server.url }
}

interface Running {
  driver: AgentDriver
  context: LaunchContext
  server: ModelServer
  events: AgentEvent[]
  screen(): string
  write(parts: readonly string[]): Promise<void>
  kill(): Promise<void>
  seen(kind: AgentEvent['kind'], count?: number): Promise<AgentEvent>
  sessionRef(): string
}

async function launch(
  agent: string,
  prompt: string,
  from?: Running,
  resume?: string | null,
): Promise<Running> {
  const server = from?.server ?? (await startModelServer({ script, chunkMs: 2 }))
  if (!from) onTestFinished(() => server.close())
  const registry = createAgentRegistry({
    nodePath: process.execPath,
    resourcesDir: RESOURCES,
    clock: systemClock,
  })
  const driver = registry.driver(agent)
  const repo = await makeRepository({ 'readme.md': 'hello\n' })
  const worktree = from?.context.worktree ?? (await addWorktree(repo, BRANCH))
  const env = from?.context.env ?? {
    PATH: `${BIN}:${process.env.PATH}`,
    LANG: 'C.UTF-8',
    ...(await makeHome(agent, repo, server)),
  }
  const context: LaunchContext = {
    ...(from?.context ??
      (await makeContext({ slot: slot({ agent }), worktree, prompt, branch: BRANCH, env }))),
    resume: from ? { sessionRef: from.sessionRef(), message: resume ?? null } : null,
  }
  const events: AgentEvent[] = []
  const hooks = await listenForHooks({
    dir: await tempDir('hooks'),
    log: silentLogger,
    clock: systemClock,
    redactor: new Redactor(),
    onMessage: ({ payload, at }) => events.push(...driver.interpret(payload, at)),
  })
  onTestFinished(() => hooks.close())
  await hooks.open(context.attemptId, context.runDir)
  const plan = await driver.plan(context)
  const terminal = new Terminal({ cols: 120, rows: 40, allowProposedApi: true })
  const pty = spawn(plan.file, [...plan.args], { cwd: worktree, env: { ...plan.env }, cols: 120, rows: 40 })
  pty.onData((data) => terminal.write(data))
  // Both ask the terminal who it is and wait for the answer.
  terminal.onData((data) => pty.write(data))
  let gone = false
  const ended = new Promise<void>((resolve) => pty.onExit(() => resolve()))
  void ended.then(() => {
    gone = true
  })
  const kill = async () => {
    if (!gone) process.kill(pty.pid, 'SIGKILL')
    await ended
  }
  onTestFinished(kill)
  const screen = () => {
    const { active } = terminal.buffer
    return Array.from(
      { length: terminal.rows },
      (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '',
    ).join('\n')
  }
  return {
    driver,
    context,
    server,
    events,
    screen,
    kill,
    async write(parts) {
      for (const part of parts) {
        pty.write(part)
        await new Promise((resolve) => setTimeout(resolve, 300))
      }
    },
    async seen(kind, count = 1) {
      return until(() => events.filter((event) => event.kind === kind)[count - 1], 60_000).catch(
        (error: unknown) => {
          throw new Error(`no ${kind} #${count}; ${JSON.stringify(events)}\n${screen()}`, { cause: error })
        },
      )
    },
    sessionRef() {
      const session = events.find((event) => event.kind === 'session')
      return session?.kind === 'session' ? session.sessionRef : (plan.sessionRef ?? '')
    },
  }
}

describe.skipIf(!here).each(['codex', 'claude'])('%s', (agent) => {
  test('gets its brief once, commits in its worktree, takes a follow-up, and its tokens are counted', async () => {
    const running = await launch(agent, '- add a file\n- say "hello" $HOME')
    await running.seen('finished')
    const { worktree, env } = running.context
    expect(await git(worktree, 'log', '--format=%s %an', 'main..HEAD')).toBe('Add hello Agent')
    expect(await git(worktree, 'status', '--porcelain')).toBe('')
    expect(running.events[0]).toMatchObject({ kind: 'session', sessionRef: running.sessionRef() })
    expect(await running.seen('started')).toMatchObject({ text: '- add a file\n- say "hello" $HOME' })
    expect(running.server.requests[0]?.userMessages).toEqual(['- add a file\n- say "hello" $HOME'])

    await running.write(running.driver.followUp('and now\nonce more'))
    expect(await running.seen('started', 2)).toMatchObject({ text: 'and now\nonce more' })
    await running.seen('finished', 2)
    expect(await git(worktree, 'rev-list', '--count', 'main..HEAD')).toBe('2')

    const used = await running.driver.usage?.read({
      sessionRef: running.sessionRef(),
      worktree,
      env,
      signal: AbortSignal.timeout(10_000),
    })
    const reported = running.server.totals(running.sessionRef())
    expect(used?.get(running.sessionRef())).toMatchObject({
      inputTokens: reported?.input,
      cachedTokens: reported?.cached,
      outputTokens: reported?.output,
      turns: 2,
      toolCalls: 2,
    })
  })

  test('asks for a permission, gets it from us and goes on', async () => {
    const running = await launch(agent, 'ask for it')
    const question = await running.seen('question')
    if (question.kind !== 'question') throw new Error('no question')
    expect(question).toMatchObject({
      about: 'permission',
      text: expect.stringContaining('touch ../outside.txt'),
    })
    await until(() => /Would you like to run|Do you want to proceed/.test(running.screen()))
    // A dialog that has just come up swallows keys for a moment: whoever answers has to look whether it is gone.
    const asked = running.events.length
    for (let tries = 0; running.events.length === asked && tries < 10; tries++) {
      await running.write(running.driver.answer(question, 'yes'))
      await new Promise((resolve) => setTimeout(resolve, 700))
    }
    await running.seen('finished')
    await access(join(running.context.worktree, '..', 'outside.txt'))
  })

  test('is killed and continues the same conversation', async () => {
    const first = await launch(agent, 'the first thing')
    await first.seen('finished')
    await first.kill()
    const context = { ...first.context, resume: { sessionRef: first.sessionRef(), message: null } }
    expect(await first.driver.canResume(context)).toBe(true)
    const second = await launch(agent, '', first, 'the second thing')
    await second.seen('finished')
    expect(second.server.requests.at(-1)).toMatchObject({
      conversation: first.sessionRef(),
      userMessages: ['the first thing', 'the second thing'],
    })
    expect(second.sessionRef()).toBe(first.sessionRef())
  })

  test('survives a connection that breaks off', async () => {
    const running = await launch(agent, 'break off')
    expect(await running.seen('finished')).toMatchObject({ text: 'The line is back.' })
  })

  test('shows a limit that it runs into', async () => {
    const running = await launch(agent, 'quota')
    await until(
      () =>
        running.driver.readScreen(running.screen(), Date.now()).some((event) => event.kind === 'limit') ||
        running.events.some((event) => event.kind === 'limit'),
      90_000,
    ).catch(() => expect.fail(running.screen()))
  })

  test('reads a brief of 200 kB from its file', async () => {
    const running = await launch(agent, `long brief\n${'x'.repeat(200_000)}`)
    // The model sees the pointer only: that the file can be read is what is tested here.
    await running.seen('started')
    running.server.setScript(script)
    await running.seen('finished')
    expect(running.server.requests[0]?.userMessages[0]).toContain(running.context.promptFile)
  })

  test('answers headless in the shape of a schema', async () => {
    const server = await startModelServer({
      script: (request) =>
        request.api === 'messages'
          ? play({ do: 'call', tool: 'StructuredOutput', input: { title: 'ok' } }, say('done'))(request)
          : say('{"title":"ok"}'),
    })
    onTestFinished(() => server.close())
    const repo = await makeRepository({ 'a.txt': 'a' })
    const env = { PATH: `${BIN}:${process.env.PATH}`, ...(await makeHome(agent, repo, server)) }
    const { driver } = {
      driver: createAgentRegistry({
        nodePath: process.execPath,
        resourcesDir: RESOURCES,
        clock: systemClock,
      }).driver(agent),
    }
    const schema = {
      type: 'object',
      properties: { title: { type: 'string' } },
      required: ['title'],
      additionalProperties: false,
    }
    const plan = await driver.headless?.({
      prompt: 'review this',
      schema,
      worktree: repo,
      model: null,
      scenario: null,
      runDir: await tempDir(),
      env,
    })
    const run = await exec(plan!.file, plan!.args, {
      cwd: repo,
      env: { ...plan!.env },
      input: plan!.input,
      timeoutMs: 60_000,
    })
    const answer = await plan!.read({
      code: run.code,
      stdout: run.stdout.toString(),
      stderr: run.stderr.toString(),
    })
    expect(answer.value).toEqual({ title: 'ok' })
    expect(answer.usage?.outputTokens).toBeGreaterThan(0)
  })
})
