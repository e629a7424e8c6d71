import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Slot } from '../../shared/domain/task.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { makeRepository, sh, startCore, tempDir } from './testing/core-harness.ts'

const slot = (change: Partial<Slot>): Slot => ({
  agent: 'shell',
  command: null,
  scenario: null,
  model: null,
  hint: null,
  ...change,
})
const command = (text: string) => slot({ command: text })
const commits = (file: string) =>
  command(`echo "$QUARTET_ATTEMPT" > ${file} && git add -A && git commit -qm "Write ${file}"`)
const ofTask = (state: Entities, taskId: string): Attempt[] =>
  Object.values(state.attempts)
    .filter((a) => a.taskId === taskId)
    .sort((a, b) => a.round - b.round || a.n - b.n)
const settled = (taskId: string, status: Attempt['status'], count: number) => (state: Entities) => {
  const found = ofTask(state, taskId).filter((attempt) => attempt.status === status)
  return found.length >= count && found
}

async function arrange(options: { undoMs?: number; files?: Record<string, string> } = {}) {
  const dir = await tempDir()
  const repo = await makeRepository(join(dir, 'a repo'), options.files)
  const harness = await startCore(join(dir, 'data'), options)
  const repository = await harness.client.repositories.add({ path: repo, trust: true })
  return { dir, repo, harness, client: harness.client, until: harness.until, repository }
}

describe('the loop', () => {
  it('fires, lets the engineer decide, lands the winner and keeps the others', async () => {
    const { repo, client, until, repository } = await arrange()
    await writeFile(join(repo, 'notes.txt'), 'mine, not committed')
    const before = await sh(repo, 'rev-parse', 'HEAD')
    const { task, attempts } = await client.tasks.fire({
      repoId: repository.id,
      brief: '# Write a file\n\nAny file.',
      slots: [commits('a'), commits('b'), commits('c')],
    })
    expect(task).toMatchObject({ title: 'Write a file', round: 1, baseSha: before, repoPath: repo })
    expect(new Set(attempts.map((attempt) => attempt.branch)).size).toBe(3)

    const [winner] = await until(settled(task.id, 'ready', 3))
    expect(winner?.diffstat).toEqual({ files: 1, added: 1, removed: 0, uncommitted: false })
    expect((await client.attempts.changes({ id: winner?.id ?? '' })).files).toMatchObject([
      { path: 'a', status: 'added' },
    ])

    await client.attempts.verdict({ id: winner?.id ?? '', kind: 'mergeable', headSha: winner?.headSha ?? '' })
    const landed = await until((state) => state.tasks[task.id]?.status === 'landed' && state.tasks[task.id])
    await until((state) => ofTask(state, task.id).every((attempt) => attempt.trashRef !== null))

    expect(await sh(repo, 'rev-parse', 'main')).toBe(landed.landedSha)
    expect(await sh(repo, 'log', '--format=%s %an', `${before}..main`)).toBe('Write a file Ann')
    expect(await sh(repo, 'show', 'main:a')).toBe(winner?.id)
    expect(
      (await sh(repo, 'for-each-ref', '--format=%(refname)', 'refs/quartet/trash')).split('\n').sort(),
    ).toEqual(
      attempts
        .slice(1)
        .map((attempt) => `refs/quartet/trash/${attempt.id}`)
        .sort(),
    )
    expect(await sh(repo, 'status', '--porcelain')).toBe('?? notes.txt')
    // An attempt is kept first and removed then.
    await expect.poll(() => sh(repo, 'branch', '--format=%(refname:short)'), { timeout: 20_000 }).toBe('main')
    expect(await sh(repo, 'worktree', 'list', '--porcelain')).toBe(
      `worktree ${repo}\nHEAD ${landed.landedSha}\nbranch refs/heads/main`,
    )
    const facts = await client.history.facts({ taskId: task.id })
    expect(facts.map((fact) => fact.kind)).toEqual(
      expect.arrayContaining(['task.created', 'round.fired', 'verdict.given', 'attempt.kept', 'land.phase']),
    )
    // What was landed and what was thrown away can still be looked at.
    for (const attempt of attempts)
      expect((await client.attempts.patch({ id: attempt.id })).patch).toContain(attempt.id)
  })

  it('takes a verdict back within its window, as if it had not been given', async () => {
    const { repo, client, until, repository } = await arrange({ undoMs: 60_000 })
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [commits('a'), command('sleep 600')],
    })
    const [ready] = await until(settled(task.id, 'ready', 1))
    await until(settled(task.id, 'running', 1))
    const id = ready?.id ?? ''
    expect(await client.attempts.verdict({ id, kind: 'mergeable' })).toMatchObject({ status: 'mergeable' })
    expect((await client.tasks.get({ id: task.id })).task.status).toBe('landing')
    expect(await client.attempts.undo({ id })).toMatchObject({ status: 'ready', verdict: null })
    const { task: after, attempts } = await client.tasks.get({ id: task.id })
    expect(after).toMatchObject({ winnerAttemptId: null })
    expect(attempts.map((attempt) => attempt.status)).toEqual(['ready', 'running'])
    expect(await sh(repo, 'rev-list', '--count', 'main')).toBe('1')

    // Trashing one at work and taking that back leaves it at work.
    const running = attempts[1]?.id ?? ''
    expect(
      await client.attempts.verdict({ id: running, kind: 'trash', reasons: ['wrong approach'] }),
    ).toMatchObject({ status: 'trashed' })
    expect(await client.attempts.undo({ id: running })).toMatchObject({ status: 'running' })
    await expect(client.attempts.undo({ id: running })).rejects.toMatchObject({ code: 'illegal_state' })
  })

  it('goes to rework when all are trash, and tells the next round why', async () => {
    const { client, until, repository } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Make it good',
      slots: [commits('a'), commits('b')],
    })
    for (const attempt of await until(settled(task.id, 'ready', 2))) {
      await client.attempts.verdict({
        id: attempt.id,
        kind: 'trash',
        reasons: ['misread the brief'],
        note: `wrote ${attempt.n}, wanted less`,
      })
    }
    await until((state) => state.tasks[task.id]?.status === 'rework')
    const { lessons } = await client.tasks.get({ id: task.id })
    expect(lessons[0]).toMatchObject({ round: 1, source: 'facts' })
    expect(lessons[0]?.doDifferently).toContain('2 of 2')
    await client.tasks.editLesson({ ...lessons[0]!, doNotRepeat: 'Do not write two files.', answer: null })

    const fired = await client.tasks.fireRound({ id: task.id })
    expect(fired.attempts.map((attempt) => [attempt.round, attempt.n])).toEqual([
      [2, 1],
      [2, 2],
    ])
    const { rounds } = await client.tasks.get({ id: task.id })
    expect(rounds[1]?.prompt).toContain('Make it good')
    expect(rounds[1]?.prompt).toContain('wrote 1, wanted less')
    expect(rounds[1]?.prompt).toContain('Do not write two files.')
    await until(
      (state) =>
        ofTask(state, task.id).filter((attempt) => attempt.round === 2 && attempt.status === 'ready')
          .length === 2,
    )
  })

  it('brings a trashed attempt back with everything it had, uncommitted work included', async () => {
    const { client, until, repository } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [
        command(
          'echo loose > loose.txt; echo kept > kept; git add kept; git commit -qm Kept; echo done; sleep 600',
        ),
      ],
    })
    const [running] = await until(settled(task.id, 'running', 1))
    await until((state) => state.attempts[running?.id ?? '']?.diffstat?.files === 2)
    await client.attempts.verdict({ id: running?.id ?? '', kind: 'trash', reasons: [] })
    const gone = await until((state) =>
      state.attempts[running?.id ?? '']?.trashRef ? state.attempts[running?.id ?? ''] : null,
    )
    // Kept first, removed then.
    await expect
      .poll(() => readFile(join(gone.worktree, 'loose.txt')).catch((error) => error.code), {
        timeout: 20_000,
      })
      .toBe('ENOENT')
    await until((state) => Object.values(state.terminals).every((terminal) => terminal.state !== 'live'))

    const back = await client.attempts.restore({ id: gone.id })
    expect(back).toMatchObject({
      status: 'ready',
      trashRef: null,
      worktree: gone.worktree,
      branch: gone.branch,
    })
    expect(await readFile(join(back.worktree, 'loose.txt'), 'utf8')).toBe('loose\n')
    expect(await sh(back.worktree, 'status', '--porcelain')).toBe('?? loose.txt')
    expect((await client.tasks.get({ id: task.id })).task.status).toBe('deciding')
  })
})

describe('checks', () => {
  const files = {
    'README.md': 'x\n',
    'WORKFLOW.md': '---\nverify:\n  - { name: good, run: test -f good }\n---\n',
  }

  it('run the same for every attempt, and a red one needs a reason to be called mergeable', async () => {
    const { client, until, repository, harness } = await arrange({ files })
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [commits('good'), commits('bad')],
    })
    const [good, bad] = await until(settled(task.id, 'ready', 2))
    const checks = Object.values(harness.state.checks)
    expect(checks.find((check) => check.attemptId === good?.id)).toMatchObject({
      status: 'passed',
      headSha: good?.headSha,
    })
    expect(checks.find((check) => check.attemptId === bad?.id)).toMatchObject({
      status: 'failed',
      exitCode: 1,
    })
    expect(bad?.reason).toBe('Red: good.')
    await expect(client.attempts.verdict({ id: bad?.id ?? '', kind: 'mergeable' })).rejects.toMatchObject({
      code: 'blocked_by_findings',
    })
    expect(
      await client.attempts.verdict({
        id: bad?.id ?? '',
        kind: 'mergeable',
        overrideReason: 'the check is wrong',
      }),
    ).toMatchObject({ status: 'mergeable' })
  })

  it('do not run without consent, and the card says so', async () => {
    const dir = await tempDir()
    const repo = await makeRepository(join(dir, 'repo'), {
      ...files,
      'WORKFLOW.md': `---\nhooks: { after_create: touch ${join(dir, 'ran')} }\nverify: [{ name: x, run: touch ${join(dir, 'ran')} }]\n---\n`,
    })
    const { client, until } = await startCore(join(dir, 'data'))
    const repository = await client.repositories.add({ path: repo })
    const { task } = await client.tasks.fire({ repoId: repository.id, brief: 'Go', slots: [commits('a')] })
    const [ready] = await until(settled(task.id, 'ready', 1))
    expect(ready?.reason).toContain('consent')
    await expect(readFile(join(dir, 'ran'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

describe('bad weather', () => {
  it('shows why an attempt could not be started or failed, and lets the others go on', async () => {
    const { client, until, repository } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [command('/no/such/program'), command('exit 3'), commits('c')],
    })
    await until(settled(task.id, 'ready', 1))
    const failed = await until(settled(task.id, 'failed', 2))
    expect(failed.map((attempt) => attempt.attention?.kind)).toEqual(['crash', 'crash'])
    expect(failed[1]?.reason).toBe('The agent ended with exit code 3.')
    await expect(
      client.tasks.fire({ repoId: repository.id, brief: 'Go', slots: [slot({ agent: 'nobody' })] }),
    ).rejects.toMatchObject({ code: 'agent_missing' })
    await expect(
      client.tasks.fire({ repoId: repository.id, brief: 'Go', slots: [slot({})] }),
    ).rejects.toMatchObject({ code: 'invalid_input' })
  })

  it('carries a brief of 200 kB to the agent unchanged', async () => {
    const { client, until, repository } = await arrange()
    const brief = `Start\n${'ü – "quotes" $HOME `id` \\ '.repeat(8_000)}end`
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief,
      slots: [command('cp {prompt_file} brief.md')],
    })
    const [ready] = await until(settled(task.id, 'ready', 1))
    expect(await readFile(join(ready?.worktree ?? '', 'brief.md'), 'utf8')).toBe(brief)
    expect(ready?.diffstat).toMatchObject({ files: 1 })
  })

  it('waits with a landing while the checked-out base is dirty, and lands when it is clean', async () => {
    const { repo, client, until, repository } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [command('echo theirs > README.md && git commit -qam Change')],
    })
    const [ready] = await until(settled(task.id, 'ready', 1))
    await writeFile(join(repo, 'README.md'), 'mine')
    await client.attempts.verdict({ id: ready?.id ?? '', kind: 'mergeable' })
    await until((state) => Object.values(state.landRuns).find((run) => run.status === 'waiting'))
    expect(await readFile(join(repo, 'README.md'), 'utf8')).toBe('mine')
    expect(await sh(repo, 'rev-list', '--count', 'main')).toBe('1')

    await sh(repo, 'checkout', '--', 'README.md')
    await client.tasks.land({ id: task.id })
    await until((state) => state.tasks[task.id]?.status === 'landed')
    expect(await readFile(join(repo, 'README.md'), 'utf8')).toBe('theirs\n')
    expect(await sh(repo, 'status', '--porcelain')).toBe('')
  })

  it('asks for the verdict again when the base conflicts', async () => {
    const { repo, client, until, repository } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [command('echo theirs > README.md && git commit -qam Change')],
    })
    const [ready] = await until(settled(task.id, 'ready', 1))
    await writeFile(join(repo, 'README.md'), 'other')
    await sh(repo, 'commit', '-qam', 'Meanwhile')
    await client.attempts.verdict({ id: ready?.id ?? '', kind: 'mergeable' })
    const back = await until(
      (state) =>
        state.attempts[ready?.id ?? '']?.attention?.kind === 'conflict' && state.attempts[ready?.id ?? ''],
    )
    expect(back).toMatchObject({ status: 'ready', verdict: null })
    expect(await sh(repo, 'log', '-1', '--format=%s', 'main')).toBe('Meanwhile')
  })

  it('says it when a worktree is deleted under a running attempt, and still keeps its commits', async () => {
    const { repo, client, until, repository } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [
        command('echo 1 > one && git add one && git commit -qm One && while sleep 1; do echo tick; done'),
      ],
    })
    const [running] = await until((state) => {
      const found = ofTask(state, task.id).filter((a) => a.diffstat?.files === 1)
      return found.length > 0 && found
    })
    const head = await sh(running?.worktree ?? '', 'rev-parse', 'HEAD')
    await rm(running?.worktree ?? '', { recursive: true })
    const told = await until(
      (state) =>
        state.attempts[running?.id ?? '']?.attention?.kind === 'tamper' && state.attempts[running?.id ?? ''],
    )
    expect(told.attention?.detail).toContain('worktree')
    await client.attempts.verdict({ id: told.id, kind: 'trash' })
    const kept = await until((state) => state.attempts[told.id]?.trashRef)
    expect(await sh(repo, 'rev-parse', kept)).toBe(head)
    expect(await client.attempts.restore({ id: told.id })).toMatchObject({ status: 'ready' })
    expect(await sh(told.worktree, 'rev-parse', 'HEAD')).toBe(head)
  })

  it('queues what is beyond the slots', async () => {
    const { client, until, repository } = await arrange()
    await client.system.saveSettings({ slots: 1 })
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [command('sleep 600'), commits('b')],
    })
    const [first] = await until(settled(task.id, 'running', 1))
    expect((await client.attempts.list({ taskId: task.id })).map((attempt) => attempt.status).sort()).toEqual(
      ['pending', 'running'],
    )
    await client.attempts.stop({ id: first?.id ?? '' })
    await until(settled(task.id, 'ready', 1))
    expect((await client.attempts.get({ id: first?.id ?? '' })).status).toBe('cancelled')
  })
})

describe('a restart', () => {
  it('finds agents that went on, and those that ended meanwhile', async () => {
    const { dir, client, until, repository, harness } = await arrange()
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Go',
      slots: [
        command(
          `while [ ! -e ${JSON.stringify(join(dir, 'go'))} ]; do sleep 0.1; done; echo a > a; git add a; git commit -qm A`,
        ),
        command('sleep 600'),
      ],
    })
    const before = await until(settled(task.id, 'running', 2))
    const pids = Object.values(harness.state.terminals)
      .map((terminal) => terminal.pid)
      .sort()
    await harness.close()
    await writeFile(join(dir, 'go'), '')

    const again = await startCore(harness.dataDir)
    await again.until(settled(task.id, 'ready', 1))
    expect(
      Object.values(again.state.terminals)
        .map((terminal) => terminal.pid)
        .sort(),
    ).toEqual(pids)
    const log = await again.client.attempts.log({ id: before[1]?.id ?? '' })
    expect(log.live).toBe(true)
    expect(again.state.tasks[task.id]).toMatchObject({ brief: 'Go', round: 1 })
    expect(again.state.facts.length).toBeGreaterThan(5)
  })

  it('lands what was decided before it', async () => {
    const { repo, client, until, repository, harness } = await arrange({ undoMs: 600_000 })
    const { task } = await client.tasks.fire({ repoId: repository.id, brief: 'Go', slots: [commits('a')] })
    const [ready] = await until(settled(task.id, 'ready', 1))
    await client.attempts.verdict({ id: ready?.id ?? '', kind: 'mergeable' })
    await harness.close()
    expect(await sh(repo, 'rev-list', '--count', 'main')).toBe('1')
    const again = await startCore(harness.dataDir)
    expect(
      again.state.attempts[ready?.id ?? '']?.verdict?.kind ??
        (await again.client.attempts.get({ id: ready?.id ?? '' })).verdict?.kind,
    ).toBe('mergeable')
    expect(await again.client.attempts.undo({ id: ready?.id ?? '' })).toMatchObject({ status: 'ready' })
  })
})

describe('rehearsals', () => {
  it('play the first run: two good, one red, one that asks', async () => {
    const { client, until, harness } = await arrange()
    const { task, repository } = await client.repositories.trySample()
    expect(repository.trustedHash).not.toBeNull()
    const asking = await until((state) =>
      ofTask(state, task.id).find((attempt) => attempt.attention?.kind === 'question'),
    )
    expect(asking.status).toBe('waiting')
    expect(await client.attempts.answer({ id: asking.id, text: 'yes' })).toEqual({ delivered: true })
    const ready = await until(settled(task.id, 'ready', 4))
    const red = ready.filter((attempt) => attempt.reason?.startsWith('Red'))
    expect(red.map((attempt) => attempt.slot.scenario)).toEqual(['red'])
    expect(
      Object.values(harness.state.checks).some(
        (check) => check.status === 'failed' && check.summary.length > 0,
      ),
    ).toBe(true)
    // A second try fires again in the same repository.
    expect((await client.repositories.trySample()).repository.id).toBe(repository.id)
  })
})
