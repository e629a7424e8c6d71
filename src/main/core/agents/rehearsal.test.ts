import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { spawn as spawnPty } from 'node-pty'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { exec } from '../../kernel/exec.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import type { AgentEvent, LaunchContext } from './driver.ts'
import { rehearsalDriver, SCENARIOS } from './drivers/rehearsal.ts'
import { listenForHooks } from './hook-listener.ts'
import {
  addWorktree,
  git,
  makeContext,
  makeRepository,
  makeSample,
  RESOURCES,
  slot,
  tempDir,
  until,
} from './test-support.ts'

const driver = rehearsalDriver({
  nodePath: process.execPath,
  resourcesDir: RESOURCES,
  electron: false,
  pace: '0',
})

/** Starts the rehearsal as an attempt: by its plan, with hooks. */
async function start(scenario: string, options: Partial<LaunchContext> & { repo?: string } = {}) {
  const sample =
    options.repo === undefined ? await makeSample() : { dir: options.repo, brief: 'Improve `alpha`' }
  const worktree = options.worktree ?? (await addWorktree(sample.dir, options.branch))
  const events: AgentEvent[] = []
  const listener = await listenForHooks({
    dir: await tempDir('hooks'),
    log: silentLogger,
    clock: systemClock,
    redactor: new Redactor(),
    onMessage: ({ payload, at }) => events.push(...driver.interpret(payload, at)),
  })
  onTestFinished(() => listener.close())
  const context = await makeContext({
    prompt: sample.brief,
    ...options,
    slot: slot({ agent: 'rehearsal', scenario }),
    worktree,
  })
  await listener.open(context.attemptId, context.runDir)
  const plan = await driver.plan(context)
  const child = spawn(plan.file, [...plan.args], { cwd: worktree, env: { ...plan.env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stdin.on('error', () => {})
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)))
  return {
    child,
    ended,
    worktree,
    context,
    events,
    output: () => output,
    kinds: () => events.map((event) => event.kind),
  }
}

/** Plays a scenario to its end without anybody answering. */
async function play(scenario: string, options: Partial<LaunchContext> & { repo?: string } = {}) {
  const running = await start(scenario, options)
  running.child.stdin.end()
  return { ...running, code: await running.ended }
}

const commits = async (dir: string) => Number(await git(dir, 'rev-list', '--count', 'main..HEAD'))
const status = (dir: string) => git(dir, 'status', '--porcelain')
const checks = async (dir: string) => {
  const env = { PATH: process.env.PATH }
  const tests = await exec(process.execPath, ['--test'], { cwd: dir, env, timeoutMs: 60_000 })
  const style = await exec(process.execPath, ['scripts/style.js'], { cwd: dir, env, timeoutMs: 60_000 })
  return { tests: tests.code, style: style.code }
}

test('the driver names exactly the scenarios that the program plays', async () => {
  const { scenarios } = await import(join(RESOURCES, 'rehearsal', 'scenarios.mjs'))
  expect(SCENARIOS.map((scenario) => scenario.name).sort()).toEqual(Object.keys(scenarios).sort())
})

test('good: commits a correct change with a test, and reports every step', async () => {
  const { worktree, code, kinds, events } = await play('good')
  expect(code).toBe(0)
  expect(await commits(worktree)).toBe(1)
  expect(await status(worktree)).toBe('')
  expect(await git(worktree, 'log', '-1', '--format=%an')).toBe('Rehearsal')
  expect(await checks(worktree)).toEqual({ tests: 0, style: 0 })
  await until(() => kinds().includes('ended'))
  expect(kinds().filter((kind) => kind !== 'working')).toEqual([
    'session',
    'attached',
    'started',
    'finished',
    'ended',
  ])
  expect(events.find((event) => event.kind === 'started')).toMatchObject({
    text: expect.stringContaining('hours'),
  })
})

test('good-alt: another correct change', async () => {
  const good = await play('good')
  const alt = await play('good-alt')
  expect(alt.code).toBe(0)
  expect(await checks(alt.worktree)).toEqual({ tests: 0, style: 0 })
  const source = (dir: string) => readFile(join(dir, 'src/duration.js'), 'utf8')
  expect(await source(alt.worktree)).not.toBe(await source(good.worktree))
})

test('red: the change is committed and fails the checks', async () => {
  const { worktree, code } = await play('red')
  expect(code).toBe(0)
  expect(await commits(worktree)).toBe(1)
  expect((await checks(worktree)).tests).not.toBe(0)
})

test('question: waits for an answer and goes on with it', async () => {
  const running = await start('question')
  const asked = await until(() => running.events.find((event) => event.kind === 'question'))
  expect(asked).toMatchObject({ text: expect.stringContaining('release notes') })
  expect(await commits(running.worktree)).toBe(0)
  for (const part of driver.answer({ text: '', about: 'question', options: [] }, 'yes, mention it'))
    running.child.stdin.write(part)
  expect(await running.ended).toBe(0)
  expect(await git(running.worktree, 'log', '-1', '--format=%B')).toContain(
    'Answer of the engineer: yes, mention it',
  )
  await until(() => running.kinds().includes('ended'))
  expect(running.events.filter((event) => event.kind === 'started')).toHaveLength(2)
})

test('crash: exits with 1 and says why', async () => {
  const { code, output, kinds } = await play('crash')
  expect(code).toBe(1)
  expect(output()).toContain('stopped answering')
  await until(() => kinds().includes('failed'))
})

test('uncommitted: leaves its work in the tree', async () => {
  const { worktree, code } = await play('uncommitted')
  expect(code).toBe(0)
  expect(await commits(worktree)).toBe(0)
  expect(await status(worktree)).toContain('src/duration.js')
})

test('empty: changes nothing', async () => {
  const { worktree, code } = await play('empty')
  expect([code, await commits(worktree), await status(worktree)]).toEqual([0, 0, ''])
})

test('flood: prints every line of the flood and then a correct change', async () => {
  const { worktree, code, output } = await play('flood')
  expect(code).toBe(0)
  expect(output().match(/building module/g)).toHaveLength(100_000)
  expect(await commits(worktree)).toBe(1)
})

test('slow: is good, only slower', async () => {
  const { worktree, code } = await play('slow')
  expect([code, await commits(worktree)]).toEqual([0, 1])
})

test('conflict: two tasks change the same line', async () => {
  const { dir } = await makeSample()
  const one = await play('conflict', { repo: dir, branch: 'quartet/one-aaaaaa/r1a1' })
  const two = await play('conflict', { repo: dir, branch: 'quartet/two-bbbbbb/r1a1' })
  expect([one.code, two.code]).toEqual([0, 0])
  await expect(git(two.worktree, 'merge', 'quartet/one-aaaaaa/r1a1')).rejects.toThrow()
  expect(await git(two.worktree, 'diff', '--name-only', '--diff-filter=U')).toBe('README.md')
})

test('hang: says that it works and then nothing, until it is ended', async () => {
  const running = await start('hang')
  await until(() => running.output().includes('has to change'))
  expect(running.child.exitCode).toBeNull()
  running.child.kill('SIGTERM')
  await running.ended
})

test('ignore-term: goes on after HUP and TERM and dies by KILL alone', async () => {
  const running = await start('ignore-term')
  await until(() => running.output().includes('looking for more'))
  running.child.kill('SIGHUP')
  running.child.kill('SIGTERM')
  await until(
    () => running.output().includes('SIGTERM is ignored') && running.output().includes('SIGHUP is ignored'),
  )
  expect(running.child.exitCode).toBeNull()
  running.child.kill('SIGKILL')
  await running.ended
  expect(await commits(running.worktree)).toBe(1)
})

test('chat: stays open and takes up further messages, until it is told to leave', async () => {
  const running = await start('chat')
  await until(() => running.kinds().includes('finished'))
  for (const part of driver.followUp('please mind\nthe second line')) running.child.stdin.write(part)
  await until(() => running.kinds().filter((kind) => kind === 'finished').length === 2)
  expect(await commits(running.worktree)).toBe(2)
  expect(running.events.filter((event) => event.kind === 'started').at(-1)).toMatchObject({
    text: 'please mind\nthe second line',
  })
  running.child.stdin.write('/exit\r')
  expect(await running.ended).toBe(0)
})

test('a continued conversation does what was left when it was killed', async () => {
  const first = await start('hang')
  await until(() => first.output().includes('has to change'))
  first.child.kill('SIGKILL')
  await first.ended
  const resume = { sessionRef: `rehearsal-${first.context.attemptId}`, message: null }
  const context = { ...first.context, resume }
  expect(await driver.canResume(context)).toBe(true)
  expect(await driver.canResume({ ...context, resume: { ...resume, sessionRef: 'other' } })).toBe(false)
  const second = await play('good', context)
  expect(second.code).toBe(0)
  expect(await commits(first.worktree)).toBe(1)
})

test('a continued conversation mends red checks', async () => {
  const first = await play('red')
  const resume = {
    sessionRef: `rehearsal-${first.context.attemptId}`,
    message: 'The checks are red, please fix.',
  }
  const second = await play('red', { ...first.context, resume })
  expect(second.code).toBe(0)
  expect(await checks(first.worktree)).toEqual({ tests: 0, style: 0 })
})

test.each(['merge', 'rebase'])('a continued conversation solves the conflicts of a %s', async (way) => {
  const { dir } = await makeSample()
  const one = await play('conflict', { repo: dir, branch: 'quartet/one-aaaaaa/r1a1' })
  const two = await play('conflict', { repo: dir, branch: 'quartet/two-bbbbbb/r1a1' })
  await expect(git(two.worktree, way, 'quartet/one-aaaaaa/r1a1')).rejects.toThrow()
  const resume = { sessionRef: `rehearsal-${two.context.attemptId}`, message: 'Solve the conflict.' }
  const again = await play('conflict', { ...two.context, resume })
  expect(again.code).toBe(0)
  expect(await status(two.worktree)).toBe('')
  expect(await git(two.worktree, 'merge-base', '--is-ancestor', one.context.branch, 'HEAD')).toBe('')
  expect(await readFile(join(two.worktree, 'README.md'), 'utf8')).not.toMatch(/^[<=>]{7}/m)
})

test.each([
  [
    'a JavaScript project',
    { 'package.json': '{"type":"module"}', 'src/index.js': 'export const alpha = 1\n' },
    ['--check', 'src/index.js'],
  ],
  ['an empty repository', {}, null],
])('%s: good leaves a note, red breaks it', async (_name, files, syntax) => {
  const repo = await makeRepository(files)
  const good = await play('good', { repo, branch: 'quartet/alpha-cccccc/r1a1' })
  expect([good.code, await commits(good.worktree), await status(good.worktree)]).toEqual([0, 1, ''])
  expect(await git(good.worktree, 'diff', '--name-only', 'main')).toBe('rehearsal/alpha-cccccc.md')
  const red = await play('red', { repo, branch: 'quartet/alpha-cccccc/r1a2' })
  expect([red.code, await commits(red.worktree)]).toEqual([0, 1])
  if (syntax)
    expect((await exec(process.execPath, syntax, { cwd: red.worktree, timeoutMs: 30_000 })).code).not.toBe(0)
  else await expect(git(red.worktree, 'diff', '--check', 'main')).rejects.toThrow()
})

test('outside of a git repository it fails with a sentence', async () => {
  const { code, output } = await play('good', { worktree: await tempDir() })
  expect(code).toBe(1)
  expect(output()).toContain('not a git repository')
})

test('in a terminal it draws, echoes what is typed and ends on Ctrl-C', async () => {
  const { dir, brief } = await makeSample()
  const worktree = await addWorktree(dir)
  const context = await makeContext({
    slot: slot({ agent: 'rehearsal', scenario: 'question' }),
    worktree,
    prompt: brief,
  })
  const plan = await driver.plan(context)
  const pty = spawnPty(plan.file, [...plan.args], {
    cwd: worktree,
    env: { ...plan.env },
    cols: 100,
    rows: 30,
  })
  let screen = ''
  pty.onData((data) => {
    screen += data
  })
  const ended = new Promise<number>((resolve) => pty.onExit(({ exitCode }) => resolve(exitCode)))
  await until(() => screen.includes('release notes') && screen.endsWith('\x1b[0m '))
  expect(screen).toContain('\x1b[?2004h')
  pty.write('maybe')
  await until(() => screen.endsWith('maybe'))
  pty.write('\x03')
  expect(await ended).toBe(130)
  expect(screen).toContain('Interrupted')
})

test('headless: findings of a diff in the shape of the schema', async () => {
  const schema = {
    type: 'object',
    properties: {
      findings: {
        type: 'array',
        items: {
          type: 'object',
          properties: {
            priority: { enum: ['P0', 'P1', 'P2', 'P3'] },
            file: { type: ['string', 'null'] },
            line: { type: ['integer', 'null'] },
            title: { type: 'string' },
            body: { type: 'string' },
            confidence: { type: 'number' },
          },
        },
      },
    },
  }
  const diff = [
    '--- a/src/x.js',
    '+++ b/src/x.js',
    '@@ -1,2 +10,3 @@',
    ' a',
    '+  console.log(1)',
    '+  try { go() } catch (e) {}',
  ].join('\n')
  const headless = async (scenario: string | null) => {
    const plan = await driver.headless?.({
      prompt: diff,
      schema,
      worktree: '/',
      model: null,
      scenario,
      runDir: await tempDir(),
      env: {},
    })
    const run = await exec(plan!.file, plan!.args, {
      env: { ...plan!.env },
      input: plan!.input,
      timeoutMs: 30_000,
    })
    return plan!.read({ code: run.code, stdout: run.stdout.toString(), stderr: run.stderr.toString() })
  }
  const { value } = await headless(null)
  expect(value).toMatchObject({
    findings: [
      { priority: 'P3', file: 'src/x.js', line: 11 },
      { priority: 'P1', file: 'src/x.js', line: 12 },
      { priority: 'P2', title: 'No test was added' },
    ],
  })
  expect((await headless('clean')).value).toEqual({ findings: [] })
  expect((await headless('p0')).value).toMatchObject({ findings: [{ priority: 'P0' }, {}, {}, {}] })
  await expect(headless('garbage')).rejects.toThrow('did not answer with JSON')
  await expect(headless('crash')).rejects.toThrow('stopped answering')
})

test('flawed: passes the checks, and is remarked by the one lens that it concerns', async () => {
  const { worktree, code } = await play('flawed')
  expect(code).toBe(0)
  expect(await checks(worktree)).toEqual({ tests: 0, style: 0 })
  const patch = await git(worktree, 'diff', 'main', 'HEAD')
  const { review } = await import(join(RESOURCES, 'rehearsal', 'headless.mjs'))
  expect(review(patch, 'correctness')).toMatchObject([{ priority: 'P0', file: 'NEWS.md' }])
  expect(review(patch, 'simplicity')).toEqual([])
})

test('findings are answered one by one in the form that was asked for', async () => {
  const first = await play('flawed')
  const message =
    'Your change was reviewed.\n\nF1 (P0, correctness) in NEWS.md:3: A mark\nBody\n\nF2 (P2, x): Other'
  const sessionRef = `rehearsal-${first.context.attemptId}`
  const again = await play('flawed', { ...first.context, resume: { sessionRef, message } })
  expect(again.code).toBe(0)
  const finished = await until(() => again.events.find((event) => event.kind === 'finished'))
  expect(finished).toMatchObject({ text: expect.stringMatching(/^F1: pushed back - .+\nF2: pushed back - /) })
})
