import { readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Slot } from '../../shared/domain/task.ts'
import type { Entities } from '../../shared/state/apply.ts'
import { makeRepository, startCore, tempDir } from './testing/core-harness.ts'

// From firing to the next round on a whole core: what the engineer decides with, and what comes of it.

const rehearse = (scenario: string): Slot => ({
  agent: 'rehearsal',
  command: null,
  scenario,
  model: null,
  hint: null,
})
const REVIEWED = (scenario: string, exchanges = 1) =>
  `---\nreview:\n  exchanges: ${exchanges}\n  reviewers:\n    - { name: eye, agent: rehearsal, focus: Look., scenario: ${scenario} }\n---\n{{ issue.description }} ({{ slot.n }})\n`

async function arrange(workflow: string | null, undoMs = 0) {
  const dir = await tempDir()
  const repo = await makeRepository(join(dir, 'repo'), {
    'README.md': '# Sample\n',
    ...(workflow ? { 'WORKFLOW.md': workflow } : {}),
  })
  const { client, until, state, dataDir } = await startCore(join(dir, 'data'), { undoMs })
  const repository = await client.repositories.add({ path: repo, trust: true })
  const fire = (...scenarios: string[]) =>
    client.tasks.fire({ repoId: repository.id, brief: 'Add a greeting', slots: scenarios.map(rehearse) })
  return { repo, client, until, state, repository, fire, dataDir }
}
const attempt = (state: Entities, id: string | undefined, status: Attempt['status']) => {
  const found = id ? state.attempts[id] : undefined
  return found?.status === status ? found : undefined
}

describe('deciding', () => {
  it('shows evidence and findings, holds a P0 back, and keeps going when asked to', async () => {
    const { client, until, fire } = await arrange(REVIEWED('p0'))
    const { attempts } = await fire('good')
    const id = attempts[0]?.id ?? ''
    const first = await until((state) => attempt(state, id, 'ready'))
    const seen = await until((state) => {
      const evidence = Object.values(state.evidence)
      const findings = Object.values(state.findings)
      return (
        evidence.length > 0 &&
        findings.length > 0 && { evidence, findings, reviews: Object.values(state.reviews) }
      )
    })
    expect(seen.evidence).toMatchObject([
      { headSha: first.headSha, claim: expect.stringContaining('Done'), committedBy: 'agent', gaps: [] },
    ])
    expect(seen.reviews).toMatchObject([{ reviewer: 'eye', status: 'done' }])
    const p0 = seen.findings.find((finding) => finding.priority === 'P0')
    await expect(client.attempts.verdict({ id, kind: 'mergeable' })).rejects.toMatchObject({
      code: 'blocked_by_findings',
    })

    const went = await client.attempts.continue({
      id,
      message: 'Please say why.',
      comments: [{ path: 'README.md', line: 1, text: 'Name it.' }],
    })
    expect(went).toEqual({ delivered: true, way: 'resumed' })
    const second = await until((state) => {
      const now = attempt(state, id, 'ready')
      return now && now.headSha !== first.headSha && now
    })
    expect(second).toMatchObject({ worktree: first.worktree, branch: first.branch })
    await until((state) => Object.values(state.evidence).some((row) => row.headSha === second.headSha))

    await client.review.answer({ findingId: p0?.id ?? '', status: 'pushed_back', answer: 'Nothing is lost.' })
    await client.attempts.verdict({ id, kind: 'mergeable', headSha: second.headSha ?? '' })
    await until((state) => attempt(state, id, 'landed'))
    expect((await client.review.decisionTimes({})).count).toBe(1)
  })

  it('hands severe findings to the author by itself, and looks again before the engineer has to', async () => {
    const { until, fire, client } = await arrange(REVIEWED('p0', 2))
    const { task, attempts } = await fire('good')
    const id = attempts[0]?.id ?? ''
    const state = await until(
      (now) =>
        attempt(now, id, 'ready') &&
        Object.values(now.reviews).some((review) => review.exchange === 2 && review.status === 'done') &&
        now,
    )
    // The author only argued: the reviewer reads that, and insists.
    expect(Object.values(state.findings).find((finding) => finding.priority === 'P0')).toMatchObject({
      status: 'open',
      answeredBy: 'reviewer',
      answer: expect.stringMatching(/left on purpose[\s\S]*Reviewer: It is still there/),
    })
    const facts = await client.history.facts({ taskId: task.id })
    const statuses = facts
      .filter((fact) => fact.kind === 'attempt.status')
      .map((fact) => fact.body.to)
      .reverse()
    expect(statuses.filter((status) => status === 'reviewing')).toHaveLength(2)
    expect(statuses.filter((status) => status === 'starting')).toHaveLength(2)
    expect(statuses.at(-1)).toBe('ready')
    // Quartet sent it back, not the engineer.
    expect(facts.filter((fact) => fact.kind === 'attempt.status' && fact.actor === 'engineer')).toEqual([])
    expect(facts.filter((fact) => fact.kind === 'review.asked')).toHaveLength(1)
  })

  it('shows what an attempt holds whose agent crashed', async () => {
    const { until, fire } = await arrange(null)
    const { attempts } = await fire('crash')
    const id = attempts[0]?.id ?? ''
    await until((state) => attempt(state, id, 'failed'))
    const evidence = await until((state) => Object.values(state.evidence).find((row) => row.attemptId === id))
    expect(evidence).toMatchObject({ files: [], gaps: [], claim: null })
  })

  it('learns from a trashed round, and tells the next one', async () => {
    const { client, until, fire } = await arrange(null)
    const { task, attempts } = await fire('good', 'red')
    for (const { id } of attempts) await until((state) => attempt(state, id, 'ready'))
    await client.attempts.verdict({
      id: attempts[0]?.id ?? '',
      kind: 'trash',
      reasons: ['wrong approach'],
      note: 'Too loud.',
    })
    await client.attempts.verdict({ id: attempts[1]?.id ?? '', kind: 'trash', reasons: ['no tests'] })
    const lesson = await until((state) =>
      Object.values(state.lessons).find((row) => row.taskId === task.id && row.state === 'done'),
    )
    expect(lesson).toMatchObject({ source: 'rehearsal', facts: expect.stringContaining('Too loud.') })
    const next = await client.tasks.fireRound({ id: task.id, attempts: 1 })
    const { rounds } = await client.tasks.get({ id: task.id })
    expect(rounds.at(-1)?.prompt).toContain(lesson.doDifferently)
    expect(rounds.at(-1)?.prompt).toContain('Too loud.')
    await until((state) => attempt(state, next.attempts[0]?.id, 'ready'))
  })
})

describe('a workflow file', () => {
  it('that breaks holds new starts back until it is mended, with the line in every window', async () => {
    const { repo, client, until, repository, fire, dataDir } = await arrange(REVIEWED('clean'))
    const file = join(repo, 'WORKFLOW.md')
    const good = await readFile(file, 'utf8')
    await writeFile(file, '---\nverify:\n  - name: x\n---\n')
    const row = await until((state) => {
      const now = state.workflows[repository.id]
      return now?.state === 'invalid' && now
    })
    expect(row).toMatchObject({ usingLastGood: true, problems: [{ key: 'verify[0].run', line: 3 }] })
    await expect(fire('good')).rejects.toMatchObject({ code: 'workflow_invalid' })
    const page = await client.repositories.workflow({ id: repository.id })
    expect(page.state.state).toBe('invalid')
    expect(page.template).toContain('{{ slot.n }}')

    await writeFile(file, good)
    await until((state) => state.workflows[repository.id]?.state === 'ok')
    const { attempts } = await fire('slow')
    const prompt = join(dataDir, 'run', 'attempts', attempts[0]?.id ?? '', 'prompt.md')
    await until((state) => attempt(state, attempts[0]?.id, 'running'))
    expect(await readFile(prompt, 'utf8')).toBe('Add a greeting (1)')
    await until((state) => attempt(state, attempts[0]?.id, 'ready'))
  })

  it('may say where worktrees lie, and they are cleaned up there', async () => {
    const { repo, client, until, fire } = await arrange('---\nworkspace: { root: ../trees }\n---\n')
    const { attempts } = await fire('good')
    const ready = await until((state) => attempt(state, attempts[0]?.id, 'ready'))
    expect(ready.worktree.startsWith(join(dirname(repo), 'trees'))).toBe(true)
    await client.attempts.verdict({ id: ready.id, kind: 'trash' })
    await until((state) => attempt(state, ready.id, 'trashed')?.trashRef)
    await expect
      .poll(
        () =>
          stat(ready.worktree).then(
            () => 'there',
            () => 'gone',
          ),
        { timeout: 20_000 },
      )
      .toBe('gone')
  })

  it('with a broken template fails only the attempt, and says on which line', async () => {
    const { until, fire } = await arrange('---\n---\nDo {{ issue.title }}\nand {{ issue.nope }}\n')
    const { attempts } = await fire('good')
    const failed = await until((state) => attempt(state, attempts[0]?.id, 'failed'))
    expect(failed.reason).toMatch(
      /^WORKFLOW\.md line 4: the prompt template: undefined variable: issue\.nope/,
    )
  })
})
