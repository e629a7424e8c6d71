import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Slot } from '../../shared/domain/task.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { makeRepository, sh, startCore, tempDir } from './testing/core-harness.ts'
import { typist } from './testing/typist.ts'

// What real agents do rarely, played by a stand-in behind the real drivers, hooks, terminals and services.

const FAKE = resolve(import.meta.dirname, 'testing/fake-agent.mjs')
const slot = (agent: string, change: Partial<Slot> = {}): Slot => ({
  agent,
  command: null,
  scenario: null,
  model: null,
  hint: null,
  ...change,
})

/** A core whose login shell finds the stand-in as `claude` and `gemini`, in a home of its own. */
async function arrange(files?: Record<string, string>) {
  const dir = await tempDir()
  const home = join(dir, 'home')
  const bin = join(dir, 'bin')
  await mkdir(home)
  await mkdir(bin)
  for (const name of ['claude', 'gemini']) {
    await writeFile(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${FAKE}' "$@"\n`)
    await chmod(join(bin, name), 0o755)
  }
  const path = `export PATH='${bin}':"$PATH"\n`
  for (const name of ['.bash_profile', '.zprofile', '.profile']) await writeFile(join(home, name), path)
  // Keys of the machine's own agents stay out of it.
  const machine = Object.entries(process.env).filter(
    ([name]) => !/^(ANTHROPIC|CLAUDE|OPENAI|CODEX)_/.test(name),
  )
  const env = {
    ...Object.fromEntries(machine),
    HOME: home,
    PATH: `${bin}:${process.env.PATH}`,
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
    QUARTET_REHEARSAL_PACE: '0',
    GIT_CONFIG_GLOBAL: '/dev/null',
  }
  const repo = await makeRepository(join(dir, 'repo'), files)
  const dataDir = join(dir, 'data')
  const harness = await startCore(dataDir, { env })
  const repository = await harness.client.repositories.add({ path: repo, trust: true })
  const fire = async (play: string, ...slots: Slot[]) => {
    const { task, attempts } = await harness.client.tasks.fire({
      repoId: repository.id,
      brief: `Play fake:${play} now`,
      slots: slots.length > 0 ? slots : [slot('claude')],
    })
    return { task, attempts, id: attempts[0]?.id ?? '' }
  }
  const facts = async (attemptId: string, kind: string) =>
    (await harness.client.history.facts({ attemptId, limit: 1_000 })).filter((fact) => fact.kind === kind)
  /** The statuses that an attempt went through. */
  const path_ = async (attemptId: string) =>
    (await facts(attemptId, 'attempt.status')).map((fact) => String(fact.body.to)).reverse()
  const notes = (attempt: Attempt | undefined) =>
    readFile(`${attempt?.worktree}.notes`, 'utf8').then(
      (text) => text.trim().split('\n'),
      () => [],
    )
  return {
    dir,
    repo,
    env,
    dataDir,
    harness,
    client: harness.client,
    until: harness.until,
    fire,
    facts,
    path: path_,
    notes,
  }
}

/** Throws without one: 0 by accident would be our own process group. */
function pidOf(state: Entities, id: string): number {
  const pid = state.terminals[state.attempts[id]?.terminalId ?? '']?.pid
  if (!pid) throw new Error('the attempt has no process')
  return pid
}

const inStatus = (id: string, status: Attempt['status']) => (state: Entities) =>
  state.attempts[id]?.status === status && state.attempts[id]

describe('a message to an agent', () => {
  it('is sent again by a second Enter when the first was swallowed, and arrives once', async () => {
    const { client, until, fire, notes } = await arrange()
    const { id } = await fire('swallowed-enter')
    const ready = await until(inStatus(id, 'ready'))
    expect(await client.attempts.answer({ id, text: 'one more thing' })).toEqual({ delivered: true })
    await until(
      (state) => state.attempts[id]?.status === 'ready' && state.attempts[id]?.headSha !== ready.headSha,
    )
    expect((await notes(ready)).filter((line) => line.startsWith('paste'))).toEqual(['paste one more thing'])
  })

  it('that the agent never confirms is said not to be delivered, and the attempt says so', async () => {
    const { client, until, fire, harness, facts } = await arrange()
    const { id } = await fire('deaf')
    await until(inStatus(id, 'ready'))
    expect(await client.attempts.answer({ id, text: 'hello?' })).toEqual({ delivered: false })
    await until((state) => state.attempts[id]?.attention?.kind === 'not_delivered')
    expect(harness.state.attempts[id]?.status).toBe('ready')
    expect((await facts(id, 'attempt.answered'))[0]?.body).toMatchObject({ text: 'hello?', delivered: false })
  })

  it('answers a permission with the key of its dialog, once that is on the screen', async () => {
    const { client, until, fire, notes, path } = await arrange()
    const { id } = await fire('permission')
    const waiting = await until(inStatus(id, 'waiting'))
    expect(waiting).toMatchObject({
      statusSource: 'hook',
      attention: { kind: 'question', detail: 'Bash: make release' },
    })
    expect(await client.attempts.answer({ id, text: 'yes' })).toEqual({ delivered: true })
    await until(inStatus(id, 'ready'))
    expect(await notes(waiting)).toEqual([])
    expect(await path(id)).toEqual([
      ...['preparing', 'starting', 'running', 'waiting', 'running', 'finished', 'ready'],
    ])
  })
})

describe('statuses', () => {
  it('a dialog on start waits for the engineer, and its answer lets the brief through', async () => {
    const { client, until, fire, harness } = await arrange()
    const { id } = await fire('dialog')
    const waiting = await until(inStatus(id, 'waiting'))
    expect(waiting).toMatchObject({ statusSource: 'screen', attention: { kind: 'trust' } })
    expect(waiting.attention?.detail).toContain('a project you trust?')
    expect(await client.attempts.answer({ id, text: 'yes' })).toEqual({ delivered: true })
    await until(inStatus(id, 'ready'))
    expect(harness.state.attempts[id]?.attention).toBeNull()
  })

  it('a hook that arrives after its agent ended changes nothing', async () => {
    const { until, fire, harness, client } = await arrange()
    const { id } = await fire('late-hook')
    const failed = await until(inStatus(id, 'failed'))
    // The late report was on its way for two seconds: another attempt lives through longer than that.
    const other = await fire('two-stops')
    await until(inStatus(other.id, 'ready'))
    expect((await client.attempts.get({ id })).statusAt).toBe(failed.statusAt)
    expect(harness.state.attempts[id]).toMatchObject({ status: 'failed', endReason: 'exited_with_error' })
  })

  it('two Stop events end one turn once', async () => {
    const { until, fire, path, client } = await arrange()
    const { id } = await fire('two-stops')
    await until(inStatus(id, 'ready'))
    expect(await client.attempts.answer({ id, text: 'next' })).toEqual({ delivered: true })
    await until(
      (state) => state.attempts[id]?.status === 'ready' && (state.attempts[id]?.diffstat?.files ?? 0) > 1,
    )
    expect(await path(id)).toEqual([
      ...['preparing', 'starting', 'running', 'finished', 'ready', 'running', 'finished', 'ready'],
    ])
  })

  it('what a sub-agent reports is not the end of the attempt', async () => {
    const { client, until, fire, path } = await arrange()
    const { id } = await fire('sub-agent')
    await until((state) => state.attempts[id]?.status === 'running')
    await expect
      .poll(async () => (await client.attempts.log({ id, from: 0, maxBytes: 100_000, raw: false })).text, {
        timeout: 30_000,
      })
      .toContain('The sub-agent is through.')
    await client.attempts.answer({ id, text: 'go on' })
    await until(inStatus(id, 'ready'))
    expect(await path(id)).toEqual(['preparing', 'starting', 'running', 'finished', 'ready'])
  })

  it('an agent that ignores TERM and HUP is ended all the same', async () => {
    const { client, until, fire, harness } = await arrange()
    const { id } = await fire('ignored-term')
    await until((state) => state.attempts[id]?.status === 'running' && state.attempts[id]?.sessionRef)
    const pid = pidOf(harness.state, id)
    expect(await client.attempts.stop({ id })).toMatchObject({ status: 'cancelled', endReason: 'stopped' })
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
  })

  it('a title is shown, but no status is made of it', async () => {
    const { until, fire, harness, path } = await arrange()
    const { id } = await fire('title-only', slot('gemini'))
    const running = await until(inStatus(id, 'running'))
    const titles = new Set<string>()
    await until(() => {
      const title = harness.signals[id]?.title
      if (title) titles.add(title)
      return titles.has('✳ idle')
    })
    expect(harness.state.attempts[id]).toMatchObject({ status: 'running', statusSource: 'process' })
    typist(harness.core, running.terminalId ?? '').press('x')
    await until(inStatus(id, 'ready'))
    expect(await path(id)).toEqual(['preparing', 'starting', 'running', 'finished', 'ready'])
  })
})

describe('Escape', () => {
  it('is a suspicion until the screen comes to rest, then the attempt waits', async () => {
    const { client, until, fire, harness } = await arrange()
    const { id } = await fire('interrupted')
    const running = await until(
      (state) => harness.signals[id]?.title?.includes('working') && state.attempts[id],
    )
    typist(harness.core, running.terminalId ?? '').press('\x1b')
    await until(
      (state) =>
        state.attempts[id]?.status === 'running' && state.attempts[id]?.reason?.includes('suspected'),
    )
    const waiting = await until(inStatus(id, 'waiting'))
    expect(waiting).toMatchObject({ statusSource: 'engineer', reason: null, attention: { kind: 'question' } })
    expect(await client.attempts.answer({ id, text: 'do this instead' })).toEqual({ delivered: true })
    await until(inStatus(id, 'ready'))
  })

  it('that the agent does not mind is forgotten', async () => {
    const { until, fire, harness } = await arrange()
    const { id } = await fire('escape-ignored')
    const running = await until(
      (state) => harness.signals[id]?.title?.includes('working') && state.attempts[id],
    )
    const keys = typist(harness.core, running.terminalId ?? '')
    keys.press('\x1b')
    await until((state) => state.attempts[id]?.reason?.includes('suspected'))
    await until((state) => state.attempts[id]?.status === 'running' && state.attempts[id]?.reason === null)
    keys.press('s')
    await until(inStatus(id, 'ready'))
  })
})

describe('limits and budgets', () => {
  it('a limit holds back further attempts of that agent until it is over, and no others', async () => {
    const { client, until, fire, harness } = await arrange()
    await client.system.saveSettings({ slots: 1 })
    const { id, attempts } = await fire(
      'limit',
      slot('claude'),
      slot('claude'),
      slot('shell', { command: 'true' }),
    )
    const limited = await until(inStatus(id, 'waiting'))
    expect(limited.attention).toMatchObject({ kind: 'limit' })
    await client.system.saveSettings({ slots: 8 })
    const [, held, shell] = attempts.map((attempt) => attempt.id)
    const waiting = await until(
      (state) => state.attempts[held!]?.attention?.kind === 'limit' && state.attempts[held!],
    )
    expect(waiting.status).toBe('pending')
    expect(waiting.reason).toMatch(/^Claude Code is at its limit until \d\d:\d\d/)
    await until(inStatus(shell!, 'ready'))
    const { problems } = await client.tasks.preview({
      repoId: limited.repoId,
      slots: [slot('claude'), slot('shell', { command: 'true' })],
    })
    expect(problems).toEqual([waiting.reason])
    // By itself, once its time has come.
    const started = await until(
      (state) => (state.attempts[held!]?.startedAt ?? 0) > 0 && state.attempts[held!],
    )
    expect((started.startedAt ?? 0) - (limited.attention?.since ?? 0)).toBeGreaterThanOrEqual(11_000)
    expect(harness.state.attempts[held!]?.attention?.detail ?? '').not.toContain('until')
    // Once: to lift the limit off its card is a change, which asks for the next start in the middle of this one.
    await until(inStatus(held!, 'waiting'))
    const terminals = Object.values(harness.state.terminals).map((terminal) => terminal.attemptId)
    expect(terminals.filter((attemptId) => attemptId === held)).toHaveLength(1)
  })

  it('a budget that is used up stops further starts, not those at work, and a larger one lets them go on', async () => {
    const { client, until, fire, harness, facts } = await arrange({
      'README.md': 'x\n',
      'WORKFLOW.md': '---\nattempts: { budget: { tokens: 1000 } }\n---\n',
    })
    await client.system.saveSettings({ slots: 1 })
    const { id, attempts } = await fire('spend', slot('claude'), slot('claude'))
    const second = attempts[1]?.id ?? ''
    const spent = await until(
      (state) => state.attempts[id]?.usage?.outputTokens === 100 && state.attempts[id],
    )
    // claude-opus-5: 5 and 25 dollars per million.
    expect(spent.usage).toMatchObject({ inputTokens: 900, turns: 1 })
    expect(spent.usage?.cost).toBeCloseTo((900 * 5 + 100 * 25) / 1e6, 10)
    const held = await until(
      (state) => state.attempts[second]?.attention?.kind === 'limit' && state.attempts[second],
    )
    expect(held).toMatchObject({ status: 'pending' })
    expect(held.reason).toContain('1,000 of 1,000 tokens')

    // The one at work is left alone, and goes on being counted.
    await until(inStatus(id, 'ready'))
    expect(await client.attempts.answer({ id, text: 'more' })).toEqual({ delivered: true })
    await until((state) => state.attempts[id]?.usage?.outputTokens === 150)
    await until(inStatus(id, 'ready'))
    await expect
      .poll(async () => (await facts(id, 'attempt.usage')).map((fact) => fact.body.total), {
        timeout: 20_000,
      })
      .toMatchObject([{ inputTokens: 1_400, turns: 2 }, { inputTokens: 900 }])
    expect(harness.state.attempts[second]?.status).toBe('pending')
  })

  it('prices of the settings win over the shipped ones', async () => {
    const { client, until, fire } = await arrange()
    const price = {
      cachedInput: null,
      cacheWrite: null,
      cacheWrite1h: null,
      asOf: '2026-11-22',
      source: 'contract',
    }
    await client.system.saveSettings({
      prices: [{ model: 'claude-opus-5', input: 1_000, output: 10_000, ...price }],
    })
    const { id } = await fire('spend')
    const spent = await until((state) => state.attempts[id]?.usage && state.attempts[id])
    expect(spent.usage?.cost).toBeCloseTo(0.9 + 1, 10)
  })
})

describe('ports', () => {
  it('are the attempt’s own, in its environment and on its row, and free again when it is trash', async () => {
    const { client, until, fire, harness } = await arrange()
    const command =
      'echo "$PORT $QUARTET_PORT_BASE $QUARTET_PORT_COUNT" > ports && git add ports && git commit -qm Ports'
    const { attempts } = await fire('nothing', slot('shell', { command }), slot('shell', { command }))
    for (const { id } of attempts) {
      const ready = await until(inStatus(id, 'ready'))
      expect(await sh(ready.worktree, 'show', 'HEAD:ports')).toBe(`${ready.portBase} ${ready.portBase} 10`)
    }
    const bases = attempts.map(({ id }) => harness.state.attempts[id]?.portBase)
    expect(new Set(bases).size).toBe(2)
    for (const { id } of attempts) await client.attempts.verdict({ id, kind: 'trash', reasons: [] })
    await until((state) => attempts.every(({ id }) => state.attempts[id]?.portBase === null))
  })
})

describe('an agent that shows no life', () => {
  it('is stalled when nothing in its terminal computes, and not while something does', async () => {
    const { client, until, fire, harness } = await arrange()
    await client.system.saveSettings({ stallMinutes: 0.05 })
    const { attempts } = await fire(
      'nothing',
      slot('shell', { command: 'sleep 600' }),
      slot('shell', { command: '(while :; do :; done) & wait' }),
    )
    const [idle, busy] = attempts.map((attempt) => attempt.id)
    const stalled = await until(inStatus(idle!, 'stalled'))
    expect(stalled.attention).toMatchObject({ kind: 'stalled' })
    expect(harness.state.attempts[busy!]?.status).toBe('running')
  })
})

describe('the doctor', () => {
  it('runs the hook program, and says of each agent version, sign-in, limit and last error', async () => {
    const { client, until, fire } = await arrange()
    const failed = await fire('late-hook')
    await until(inStatus(failed.id, 'failed'))
    const limited = await fire('limit')
    await until(inStatus(limited.id, 'waiting'))
    const lines = await client.system.doctor()
    expect(lines).toContainEqual({ name: 'Hooks', status: 'ok', detail: 'a test report arrived' })
    const claude = lines.find((line) => line.name === 'Claude Code')
    expect(claude?.status).toBe('warning')
    for (const part of ['2.1.999', 'not signed in', 'is at its limit', 'The agent ended with exit code 3.'])
      expect(claude?.detail).toContain(part)
    const [info] = (await client.system.agents({})).filter((agent) => agent.name === 'claude')
    expect(info).toMatchObject({
      installed: true,
      signIn: { state: 'no' },
      lastError: { text: expect.any(String) },
    })
  })
})

describe('resuming', () => {
  it('continues the conversation of an agent that ended, and starts afresh only when that is gone, and says so', async () => {
    const { client, until, fire, harness, env } = await arrange()
    const { id } = await fire('spend')
    const ready = await until(inStatus(id, 'ready'))
    const end = async () => {
      process.kill(pidOf(harness.state, id), 'SIGKILL')
      await until((state) => state.terminals[ready.terminalId ?? '']?.state === 'exited')
    }
    await end()
    // Its work is done: that its idle process ended changes nothing.
    expect(harness.state.attempts[id]).toMatchObject({ status: 'ready', attention: null })
    await client.attempts.resume({ id })
    const waiting = await until(inStatus(id, 'waiting'))
    expect(waiting).toMatchObject({ sessionRef: ready.sessionRef, attention: { kind: 'question' } })
    expect(await client.attempts.answer({ id, text: 'still there?' })).toEqual({ delivered: true })
    await until((state) => state.attempts[id]?.status === 'ready' && state.attempts[id]?.usage?.turns === 1)

    await end()
    await rm(join(env.CLAUDE_CONFIG_DIR, 'projects'), { recursive: true })
    await client.attempts.resume({ id })
    const afresh = await until(
      (state) => state.attempts[id]?.reason?.includes('afresh') && state.attempts[id],
    )
    expect(afresh.sessionRef).not.toBe(ready.sessionRef)
    // What the first conversation used stays counted.
    await until((state) => state.attempts[id]?.usage?.inputTokens === 1_800)
    await until(inStatus(id, 'ready'))
  })
})
