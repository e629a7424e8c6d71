import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { bigRepo, type Repo, repoWithTests, smallRepo } from '../../../e2e/fixtures/repo.ts'
import { until } from '../../../e2e/fixtures/sandbox.ts'
import type { TaskView } from '../../shared/contract/tasks.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { box, sandboxForEach } from './test-sandbox.ts'

// The product from outside: bin/quartet as a shell runs it, the built web host, real git, real processes.

/** Several undo windows of ten seconds, on a machine that may be busy. */
sandboxForEach({ testTimeout: 240_000 })

interface Fired {
  task: TaskView
  attempts: Attempt[]
}

const fire = (repo: Repo, scenarios: string, ...more: string[]): Promise<Fired> =>
  box.json(
    'fire',
    ...['--repo', repo.path, '--brief', 'Add a greeting', '--agent', 'rehearsal'],
    ...['--attempts', String(scenarios.split(',').length), '--scenario', scenarios],
    ...more,
  )

const trashRefs = async (repo: Repo) =>
  (await repo.git('for-each-ref', '--format=%(refname)', 'refs/quartet/trash')).split('\n').filter(Boolean)

/** Everything of a checkout that must not change under its user. */
const checkoutOf = async (repo: Repo) => ({
  head: await repo.git('symbolic-ref', 'HEAD'),
  commit: await repo.git('rev-parse', 'HEAD'),
  status: await repo.git('status', '--porcelain=v2', '--untracked-files=all'),
  index: await repo.git('ls-files', '--stage'),
  stash: await repo.git('stash', 'list'),
})

const STATUS_OF = (attempts: readonly Attempt[]) => attempts.map((attempt) => attempt.status)

describe('the loop', () => {
  it('fires four, lands one and keeps three, beside a user at work in a large repository', {
    timeout: 240_000,
  }, async () => {
    const repo = await bigRepo(join(box.repos, 'Größe & Co (日本)'), box.home)
    // The user is in the middle of something on another branch.
    await repo.git('switch', '-q', '-c', 'mine')
    await repo.write('packages/p0/src/module-0.js', 'export const value0 = "half done"\n')
    await repo.write('notes.txt', 'not committed\n')
    await repo.git('add', 'notes.txt')
    const before = await checkoutOf(repo)
    const base = await repo.git('rev-parse', 'main')

    const fired = await fire(repo, 'good,good-alt,red,uncommitted', '--base', 'main', '--wait', 'ready')
    expect(fired.task).toMatchObject({ repoPath: repo.path, round: 1, baseSha: base, status: 'deciding' })
    expect(fired.attempts.map((attempt) => attempt.n)).toEqual([1, 2, 3, 4])
    expect(STATUS_OF(fired.attempts)).toEqual(['ready', 'ready', 'ready', 'ready'])
    for (const attempt of fired.attempts) {
      expect(attempt).toMatchObject({ taskId: fired.task.id, agent: 'rehearsal', baseSha: base })
      expect(attempt.headSha).not.toBe(base)
      expect(await repo.git('rev-parse', `refs/heads/${attempt.branch}`)).toBe(attempt.headSha)
      expect((await box.json('log', attempt.id)).text).toContain('Add a greeting')
    }
    expect(await checkoutOf(repo)).toEqual(before)

    const [, winner, ...others] = fired.attempts
    const judged: Attempt = await box.json('verdict', winner?.id ?? '', 'mergeable', '--wait', 'landed')
    expect(judged.status).toBe('landed')
    const task = await box.json('show', fired.task.id)
    expect(task).toMatchObject({ id: fired.task.id, status: 'landed', winnerAttemptId: winner?.id })
    expect(await repo.git('rev-parse', 'main')).toBe(task.landedSha)
    expect(await repo.git('rev-parse', 'main^')).toBe(base)
    expect(await repo.git('log', '-1', '--format=%s%n%b', 'main')).not.toBe('')

    // The tree that landed is the tree that was judged.
    expect(await repo.git('rev-parse', 'main^{tree}')).toBe(
      await repo.git('rev-parse', `${winner?.headSha}^{tree}`),
    )
    await until('three attempts are kept', async () => (await trashRefs(repo)).length === 3)
    for (const attempt of [fired.attempts[0], ...others]) {
      const shown: Attempt = await until('it is trashed', async () => {
        const now: Attempt = await box.json('show', attempt?.id ?? '')
        return now.status === 'trashed' && now.trashRef ? now : null
      })
      expect(shown.verdict?.reasons).toEqual(['lost to sibling'])
      await repo.git('rev-parse', '--verify', `${shown.trashRef}^{commit}`)
    }
    expect(await checkoutOf(repo)).toEqual(before)

    const facts: { kind: string }[] = await box.json('facts', fired.task.id, '--limit', '1000')
    expect(new Set(facts.map((fact) => fact.kind))).toContain('verdict.given')
    const open: TaskView[] = await box.json('ls', 'tasks')
    expect(open).toEqual([])
    const all: TaskView[] = await box.json('ls', 'tasks', '--all')
    expect(all.map((one) => one.id)).toEqual([fired.task.id])
  })

  it('carries what went wrong from a trashed round into the next', async () => {
    const repo = await repoWithTests(join(box.repos, 'tested'), box.home)
    await box.json('repo', 'add', repo.path, '--trust')
    const first = await fire(repo, 'good,red', '--wait', 'ready')
    await box.json(
      'verdict',
      first.attempts[0]?.id ?? '',
      'trash',
      '--reason',
      'wrong-approach',
      '--note',
      'Greets nobody.',
    )
    await box.json('verdict', first.attempts[1]?.id ?? '', 'trash', '--reason', 'checks-red,no-tests')
    await until(
      'the task is in rework',
      async () => (await box.json('show', first.task.id)).status === 'rework',
    )

    const second: Fired = await box.json('rework', first.task.id, '--attempts', '3', '--wait', 'ready')
    expect(second.task).toMatchObject({ id: first.task.id, round: 2 })
    expect(second.attempts).toHaveLength(3)
    const old = new Set(first.attempts.flatMap((attempt) => [attempt.branch, attempt.worktree]))
    for (const attempt of second.attempts) {
      expect(attempt.round).toBe(2)
      expect(old).not.toContain(attempt.branch)
      expect(old).not.toContain(attempt.worktree)
    }
    const task: { rounds: { n: number; prompt: string }[]; lessons: unknown[] } = await box.json(
      'show',
      first.task.id,
    )
    expect(task.lessons).toHaveLength(1)
    const prompt = task.rounds.find((round) => round.n === 2)?.prompt ?? ''
    for (const said of ['wrong approach', 'Greets nobody.', 'checks red', 'no tests'])
      expect(prompt).toContain(said)
    expect(task.rounds.find((round) => round.n === 1)?.prompt).not.toContain('Greets nobody.')
  })

  it('fires no further round while only the engineer can say what most attempts misread', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const first = await fire(repo, 'good,good-alt,good', '--wait', 'ready')
    for (const { id } of first.attempts)
      await box.json('verdict', id, 'trash', '--reason', 'misread-the-brief')
    await until(
      'the task is in rework',
      async () => (await box.json('show', first.task.id)).status === 'rework',
    )
    const refused = await box.cli('rework', first.task.id)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/Answer the open question first: 3 of 3 attempts misread/)
    const second: Fired = await box.json(
      'rework',
      first.task.id,
      '--attempts',
      '1',
      '--answer',
      'The README counts.',
    )
    expect(second.task.round).toBe(2)
    const task: { rounds: { n: number; prompt: string }[] } = await box.json('show', first.task.id)
    expect(task.rounds.find((round) => round.n === 2)?.prompt).toContain('The README counts.')
    const none = await box.cli('rework', first.task.id, '--answer', 'Nobody asks.')
    expect(none.code).toBe(2)
  })

  it('comes back from waiting when only a question is left, and goes on with the answer', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const { attempts, task } = await fire(repo, 'good,question', '--wait', 'ready')
    expect(STATUS_OF(attempts)).toEqual(['ready', 'waiting'])
    expect(attempts[1]?.attention?.kind).toBe('question')
    expect(await box.json('answer', attempts[1]?.id ?? '', 'yes, please')).toMatchObject({ delivered: true })
    await until('the answer led on', async () => {
      const now: Attempt[] = await box.json('ls', 'attempts', '--task', task.id)
      return STATUS_OF(now).every((status) => status === 'ready')
    })
    expect((await box.json('log', attempts[1]?.id ?? '')).text).toContain(
      'Answer of the engineer: yes, please',
    )
  })

  it('takes a verdict back, and restores what was trashed with all that was not committed', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const { attempts } = await fire(repo, 'good,hang')
    const [good, hanging] = [attempts[0]?.id ?? '', attempts[1]?.id ?? '']
    await until('it is ready', async () => (await box.json('show', good)).status === 'ready')
    expect(await box.json('verdict', good, 'trash', '--note', 'hasty')).toMatchObject({ status: 'trashed' })
    expect(await box.json('undo', good)).toMatchObject({ status: 'ready', verdict: null })

    const running: Attempt = await until('it works', async () => {
      const now: Attempt = await box.json('show', hanging)
      return now.status === 'running' ? now : null
    })
    await writeFile(join(running.worktree, 'draft.txt'), 'precious\n')
    expect(await box.json('stop', hanging)).toMatchObject({ id: hanging })
    await until('it has stopped', async () => (await box.json('show', hanging)).status === 'cancelled')
    await box.json('verdict', hanging, 'trash')
    await until('it is kept', async () => (await box.json('show', hanging)).trashRef !== null)
    await expect(readFile(join(running.worktree, 'draft.txt'))).rejects.toThrow('ENOENT')
    const late = await box.cli('undo', hanging, '--json')
    expect(JSON.parse(late.stdout).error.code).toBe('undo_expired')
    const restored: Attempt = await box.json('restore', hanging)
    expect(restored).toMatchObject({ worktree: running.worktree, branch: running.branch })
    expect(await readFile(join(restored.worktree, 'draft.txt'), 'utf8')).toBe('precious\n')
  })

  it('waits with landing while the base is checked out and dirty, then goes on', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const { attempts, task } = await fire(repo, 'good', '--wait', 'ready')
    await repo.write('README.md', 'mine\n')
    await box.json('verdict', attempts[0]?.id ?? '', 'mergeable')
    const waiting: Attempt = await until('the landing waits', async () => {
      const now: Attempt = await box.json('show', attempts[0]?.id ?? '')
      return now.attention?.kind === 'base_dirty' ? now : null
    })
    expect(waiting.attention?.detail).toContain('README.md')
    expect(await readFile(join(repo.path, 'README.md'), 'utf8')).toBe('mine\n')
    expect(await repo.git('rev-parse', 'main')).toBe(task.baseSha)
    await repo.git('checkout', '-q', '--', 'README.md')
    expect(await box.json('land', task.id, '--wait', 'landed')).toMatchObject({ status: 'landed' })
    expect(await repo.git('status', '--porcelain')).toBe('')
    expect(await repo.git('rev-parse', 'HEAD')).not.toBe(task.baseSha)
  })

  it('runs any program with a brief of 200 kB, and follows its log to the end', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const brief = `Count\n\n${'ä word '.repeat(25_000)}`
    await writeFile(join(box.root, 'brief.md'), brief)
    const fired: Fired = await box.json(
      'fire',
      ...['--repo', repo.path, '--brief-file', 'brief.md', '--agent', 'shell', '--attempts', '1'],
      ...['--command', 'cat {prompt_file} > copy.md; sleep 1; echo counted $(wc -c < {prompt_file})'],
    )
    const followed = await box.cli('log', fired.attempts[0]?.id ?? '', '--follow')
    expect(followed).toMatchObject({ code: 0, stderr: '' })
    const counted = Number(/counted (\d+)/.exec(followed.stdout)?.[1])
    expect(counted).toBeGreaterThanOrEqual(Buffer.byteLength(brief.trim()))
    expect(await readFile(join(fired.attempts[0]?.worktree ?? '', 'copy.md'), 'utf8')).toContain(brief.trim())
  })
})
