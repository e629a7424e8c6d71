import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { type HostProcess, startHost } from '../../../../e2e/agents/host-process.ts'
import type { Slot } from '../../../shared/domain/task.ts'
import { descriptorPath } from '../../pty-protocol/host-place.ts'
import { PROTOCOL_VERSION } from '../../pty-protocol/messages.ts'
import { makeRepository, sh, startCore, tempDir } from '../testing/core-harness.ts'
import { eventually } from '../testing/ledger-fixture.ts'

// What happens to attempts while no core is there.

const slot = (change: Partial<Slot>): Slot => ({
  agent: 'shell',
  command: null,
  scenario: null,
  model: null,
  hint: null,
  ...change,
})

describe('quitting with “stop agents”', () => {
  it('leaves an attempt that was being prepared cancelled, and the next start leaves it alone', async () => {
    const dir = await tempDir()
    const repo = await makeRepository(join(dir, 'repo'), {
      'WORKFLOW.md': '---\nhooks:\n  after_create: touch ../entered && sleep 600\n---\n',
    })
    const first = await startCore(join(dir, 'data'))
    const repository = await first.client.repositories.add({ path: repo, trust: true })
    const { attempts } = await first.client.tasks.fire({
      repoId: repository.id,
      brief: 'Wait in the hook',
      slots: [slot({ command: 'true' })],
    })
    const [{ id = '', worktree = '' } = {}] = attempts
    await eventually(() => stat(join(worktree, '../entered')).catch(() => null), 'the hook')
    expect(first.state.attempts[id]?.status).toBe('preparing')
    await first.close({ stopAgents: true })

    const second = await startCore(join(dir, 'data'))
    // Recovery, which prepares again what a crash cut off, is through by now.
    expect(await second.client.attempts.get({ id })).toMatchObject({
      status: 'cancelled',
      endReason: 'stopped',
      terminalId: null,
    })
  })
})

const MORTAL_CORE = resolve(import.meta.dirname, '../testing/mortal-core.ts')
const FAKE = resolve(import.meta.dirname, '../testing/fake-agent.mjs')

/** A place for a host in which a stand-in is found as `claude`. */
async function placeWithClaude(dir: string) {
  const home = join(dir, 'home')
  const bin = join(dir, 'bin')
  await mkdir(home)
  await mkdir(bin)
  await writeFile(join(bin, 'claude'), `#!/bin/sh\nexec '${process.execPath}' '${FAKE}' "$@"\n`)
  await chmod(join(bin, 'claude'), 0o755)
  await writeFile(join(home, '.gitconfig'), '[user]\n\tname = Ann\n\temail = ann@example.com\n')
  const env = {
    PATH: `${bin}:${process.env.PATH}`,
    HOME: home,
    SHELL: '/bin/sh',
    LANG: 'C.UTF-8',
    CLAUDE_CONFIG_DIR: join(home, '.claude'),
  }
  const profile = Object.entries(env).map(([name, value]) => `export ${name}='${value}'\n`)
  for (const name of ['.bash_profile', '.zprofile', '.profile'])
    await writeFile(join(home, name), profile.join(''))
  return { dataDir: join(dir, 'data'), env }
}

/** A host of its own in which a round was fired. */
async function fireInHost(brief: string, slots: Slot[]) {
  const dir = await tempDir()
  const place = await placeWithClaude(dir)
  const repo = await makeRepository(join(dir, 'repo'))
  const host = await startHost(place)
  await host.client.system.saveSettings({ reviews: false })
  const repository = await host.client.repositories.add({ path: repo, trust: true })
  return { place, host, ...(await host.client.tasks.fire({ repoId: repository.id, brief, slots })) }
}

describe('a turn that ends while the core is killed', () => {
  it('is known to the next core: its hook left the report behind', async () => {
    const {
      place,
      host: first,
      attempts,
    } = await fireInHost('Play fake:held now', [slot({ agent: 'claude' })])
    const [{ id = '', worktree = '' } = {}] = attempts
    const noted = (text: string) =>
      eventually(
        async () => (await readFile(`${worktree}.notes`, 'utf8').catch(() => '')).includes(text),
        text,
      )
    await noted('held')
    const running = await first.until(id, (attempt) => attempt.status === 'running')
    await first.kill9()
    await writeFile(`${worktree}.go`, '')
    await noted('stopped')

    const left = join(place.dataDir, 'run', 'attempts', id, 'missed.jsonl')
    const { token } = JSON.parse(await readFile(join(left, '..', 'hook.json'), 'utf8'))
    expect((await stat(left)).mode & 0o777).toBe(0o600)
    const text = await readFile(left, 'utf8')
    expect(text).toContain('"Stop"')
    expect(text).not.toContain(token)

    const second = await startHost(place)
    const ready = await second.until(id, (attempt) => attempt.status === 'ready')
    expect(ready.sessionRef).toBe(running.sessionRef)
    expect(await sh(worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe('Add work')
    const path = async () => {
      const facts = await second.client.history.facts({ attemptId: id, limit: 1_000 })
      return facts
        .filter((fact) => fact.kind === 'attempt.status')
        .map((fact) => fact.body.to)
        .reverse()
    }
    const once = ['preparing', 'starting', 'running', 'finished', 'ready']
    expect(await path()).toEqual(once)
    await expect(stat(left)).rejects.toThrow('ENOENT')
    // And the agent is heard again as before.
    expect(await second.client.attempts.answer({ id, text: 'One more.' })).toEqual({ delivered: true })
    await second.until(id, (attempt) => attempt.status === 'ready' && attempt.headSha !== ready.headSha)
    expect(await path()).toEqual([...once, 'running', 'finished', 'ready'])

    // What was left behind although it arrived, or is overtaken by now, changes nothing.
    const again = text + text.replaceAll('"Stop"', '"UserPromptSubmit"')
    await writeFile(left, again, { mode: 0o600 })
    expect(await second.client.attempts.answer({ id, text: 'And one.' })).toEqual({ delivered: true })
    await eventually(
      () =>
        stat(left).then(
          () => false,
          () => true,
        ),
      'it to be brought in',
    )
    await second.until(id, (attempt) => attempt.status === 'ready')
    expect(await path()).toEqual([...once, 'running', 'finished', 'ready', 'running', 'finished', 'ready'])
  })
})

/** Kills the core as soon as it has noted that it starts the agent of `id`: the terminal host has yet to be started then. */
async function killOverStart(host: HostProcess, id: string): Promise<void> {
  const pushes = await host.client.state.subscribe({ clientId: 'test', known: null })
  for await (const push of pushes) {
    if (push.type === 'signals') continue
    if (push.rows.attempts?.some((attempt) => attempt.id === id && attempt.status === 'starting')) break
    await host.client.state.ack({ clientId: 'test', seq: push.to })
  }
  await host.kill9()
}

describe('a core that is killed between its note of a start and the start', () => {
  it('starts the agent, once, when it is there again; one that was resumed waits to be resumed', async () => {
    const {
      place,
      host: first,
      attempts,
    } = await fireInHost('Count the starts', [
      slot({ command: 'echo started >> ../starts; git commit --allow-empty -qm Work' }),
    ])
    const [{ id = '', worktree = '' } = {}] = attempts
    const starts = () => readFile(join(worktree, '../starts'), 'utf8').catch(() => '')
    await killOverStart(first, id)
    expect(await starts()).toBe('')

    const second = await startHost(place)
    const ready = await second.until(id, (attempt) => attempt.status === 'ready' || attempt.status === 'lost')
    expect(ready.status).toBe('ready')
    expect(await starts()).toBe('started\n')

    // Without a terminal host the next start takes long enough again.
    const { pid } = JSON.parse(await readFile(descriptorPath(place.dataDir, PROTOCOL_VERSION), 'utf8'))
    process.kill(pid, 'SIGKILL')
    second.client.attempts.resume({ id }).catch(() => {})
    await killOverStart(second, id)
    const third = await startHost(place)
    const lost = await third.client.attempts.get({ id })
    expect(lost).toMatchObject({ status: 'lost', attention: { kind: 'crash' } })
    expect(lost.attention?.detail).toContain('resume it')
    expect(await starts()).toBe('started\n')
    await third.client.attempts.resume({ id })
    await third.until(id, (attempt) => attempt.status === 'ready')
    expect(await starts()).toBe('started\nstarted\n')
  })
})

/** Starts cores until one gets through: each dies after the first commit that says something new. Gives what they died of. */
async function dieAtEachStep(dataDir: string): Promise<string[]> {
  const moments: string[] = []
  for (;;) {
    const child = spawn(process.execPath, [MORTAL_CORE, dataDir, ...moments], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [[code, signal], said] = await Promise.all([once(child, 'exit'), text(child.stdout)])
    if (code === 0) break
    expect({ code, signal }).toEqual({ code: null, signal: 'SIGKILL' })
    moments.push(said.trimEnd())
  }
  return moments
}

describe('a core that is killed after a commit, at each step of an attempt once', () => {
  it('brings all attempts to their ends all the same: each agent is started once and none is lost', async () => {
    const dir = await tempDir()
    const dataDir = join(dir, 'data')
    const repo = await makeRepository(join(dir, 'repo'))
    const first = await startCore(dataDir)
    await first.client.system.saveSettings({ reviews: false })
    const repository = await first.client.repositories.add({ path: repo, trust: true })
    const work = (n: number) => `echo ${n} >> ../starts; git commit --allow-empty -qm Work; exit ${n % 2}`
    await first.client.tasks.fire({
      repoId: repository.id,
      brief: 'Count the starts',
      slots: [0, 1, 2].map((n) => slot({ command: work(n) })),
    })
    // They have hardly begun.
    await first.close()

    const moments = await dieAtEachStep(dataDir)
    expect(moments).toEqual(
      expect.arrayContaining(
        ['starting', 'running', 'finished', 'ready', 'failed'].map((to) => `attempt.status ${to}`),
      ),
    )

    const last = await startCore(dataDir)
    const attempts = await last.client.attempts.list({})
    const ends = attempts.sort((a, b) => a.n - b.n).map(({ n, status, endReason }) => [n, status, endReason])
    expect(ends).toEqual([
      [1, 'ready', 'exited'],
      [2, 'failed', 'exited_with_error'],
      [3, 'ready', 'exited'],
    ])
    const { worktree } = attempts[0]!
    expect((await readFile(join(worktree, '../starts'), 'utf8')).split('\n').sort()).toEqual([
      '',
      '0',
      '1',
      '2',
    ])
  }, 120_000)

  it('lands what was called mergeable, once, and keeps all that lost to it', async () => {
    const dir = await tempDir()
    const dataDir = join(dir, 'data')
    const repo = await makeRepository(join(dir, 'repo'))
    const first = await startCore(dataDir, { undoMs: 1_500 })
    await first.client.system.saveSettings({ reviews: false })
    const repository = await first.client.repositories.add({ path: repo, trust: true })
    const work = 'git commit --allow-empty -qm Work; echo more > more; exec sleep 1021'
    const { attempts } = await first.client.tasks.fire({
      repoId: repository.id,
      brief: 'Work',
      slots: [slot({ command: 'echo 1 > one; git add one; git commit -qm Work' }), slot({ command: work })],
    })
    const [winner, loser] = attempts.map(({ id }) => id)
    await first.until((state) => state.attempts[winner!]?.status === 'ready')
    await first.until((state) => state.attempts[loser!]?.status === 'running')
    await first.client.attempts.verdict({ id: winner!, kind: 'mergeable' })
    // Before it takes effect.
    await first.close()

    const moments = await dieAtEachStep(dataDir)
    expect(moments).toEqual(
      expect.arrayContaining([
        'attempt.status trashed',
        'attempt.status landing',
        'task.status landed',
        'attempt.kept',
      ]),
    )
    const last = await startCore(dataDir)
    expect(await last.client.attempts.get({ id: winner! })).toMatchObject({ status: 'landed' })
    expect(await last.client.attempts.get({ id: loser! })).toMatchObject({
      status: 'trashed',
      reason: 'Lost to #1.',
      trashRef: expect.stringContaining('refs/quartet/'),
    })
    expect(await sh(repo, 'rev-list', '--count', 'main')).toBe('2')
    expect(await sh(repo, 'worktree', 'list', '--porcelain')).not.toContain('/r1a')
  }, 120_000)
})

describe('a core that is killed while it gives up a task', () => {
  it('has ended and kept all of its attempts when it is there again', async () => {
    const {
      place,
      host: first,
      task,
      attempts,
    } = await fireInHost(
      'Stay',
      [1, 2].map(() => slot({ command: 'exec sleep 1022' })),
    )
    for (const { id } of attempts) await first.until(id, ({ status }) => status === 'running')
    await first.client.tasks.abandon({ id: task.id })
    await first.kill9()

    const second = await startHost(place)
    for (const { id, worktree } of attempts) {
      const kept = await second.until(id, ({ status, trashRef }) => status === 'trashed' && trashRef !== null)
      expect(kept.reason).toBe('The task was abandoned.')
      await eventually(
        () =>
          stat(worktree).then(
            () => false,
            () => true,
          ),
        'its worktree to be gone',
      )
    }
  })
})
