import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import type { ModelRequest, Script, Step } from '../fixtures/model-server.ts'
import { inStatus, makeArena, openCore, type RealAgent } from './arena.ts'

const REVIEWERS: Readonly<Record<string, RealAgent>> = {
  correctness: 'codex',
  simplicity: 'claude',
  safety: 'gemini',
  wording: 'opencode',
}
const NAMES = Object.keys(REVIEWERS)

const finding = (title: string) => ({
  priority: 'P2',
  confidence: 0.75,
  file: 'rehearsal',
  line: 3,
  title,
  body: `${title}: look again.`,
  failure: null,
})
const answerOf = (reviewer: string) => ({
  summary: `Looked for ${reviewer}.`,
  findings: [finding(`A weakness of ${reviewer}`)],
  previous: [],
})

/** Which persona a request plays, by its prompt. */
const reviewerOf = (request: ModelRequest): string =>
  /as the reviewer “(\w+)”/.exec(request.userMessages[0] ?? '')?.[1] ?? 'nobody'
const isSecondTry = (request: ModelRequest): boolean =>
  request.userMessages.some((text) => text.includes('Your last answer could not be used'))

/** The answer as each agent gets it from its model: as text, Claude Code by the tool that its schema became. */
function inSchema(request: ModelRequest, value: Record<string, unknown>): Step {
  if (REVIEWERS[reviewerOf(request)] !== 'claude') return { do: 'say', text: JSON.stringify(value) }
  return request.toolResults.length === 0
    ? { do: 'call', tool: 'StructuredOutput', input: value }
    : { do: 'say', text: 'I have answered.' }
}
const say: Step = { do: 'say', text: 'Looks good to me, well done!' }

/** A change of a rehearsal, reviewed by the real agents; `script` is what their models say. */
async function reviewed(script: Script) {
  const arena = await makeArena({ script })
  const personas = Object.entries(REVIEWERS).map(
    ([name, agent]) => `    - { name: ${name}, agent: ${agent}, focus: Look for ${name}. }`,
  )
  const workflow = ['---', 'review:', '  reviewers:', ...personas, '---', '{{ issue.description }}', '']
  await writeFile(join(arena.repo, 'WORKFLOW.md'), workflow.join('\n'))
  await sh(arena.repo, 'add', 'WORKFLOW.md')
  await sh(arena.repo, 'commit', '--quiet', '--message', 'Name reviewers')
  const core = await openCore(arena)
  const [repository] = await core.client.repositories.list()
  const { attempts } = await core.client.tasks.fire({
    repoId: repository?.id ?? '',
    brief: '# Note the README\n\nSay where the sample is mentioned.',
    slots: [{ agent: 'rehearsal', command: null, scenario: 'good', model: null, hint: null }],
  })
  const id = attempts[0]?.id ?? ''
  const ready = await core.until(inStatus(id, 'ready'))
  const rows = Object.values(core.state.reviews).filter((review) => review.attemptId === id)
  const findings = Object.values(core.state.findings).filter((one) => one.attemptId === id)
  const asked = (reviewer: string) =>
    arena.model.requests.filter(
      (request) => reviewerOf(request) === reviewer && request.toolResults.length === 0,
    )
  return {
    arena,
    core,
    ready,
    rows,
    findings,
    asked,
    review: (name: string) => rows.find((row) => row.reviewer === name),
  }
}

it('findings of real reviewers arrive through the schema, each blind to who wrote the change', async () => {
  const { arena, ready, rows, findings, asked, review } = await reviewed((request) =>
    inSchema(request, answerOf(reviewerOf(request))),
  )
  expect(rows).toHaveLength(NAMES.length)
  for (const [name, agent] of Object.entries(REVIEWERS)) {
    expect(review(name)).toMatchObject({
      agent,
      status: 'done',
      problem: null,
      tries: 1,
      findings: 1,
      headSha: ready.headSha,
      summary: `Looked for ${name}.`,
    })
    expect(review(name)?.usage?.outputTokens).toBeGreaterThan(0)
    const prompt = asked(name)[0]?.userMessages[0] ?? ''
    expect(prompt).toContain('Say where the sample is mentioned.')
    expect(prompt).toContain('+# Note the README')
    expect(prompt).not.toContain('by rehearsal')
  }
  expect(findings.map((one) => [one.reviewer, one.title, one.priority, one.line]).sort()).toEqual([
    ['correctness', 'A weakness of correctness', 'P2', 3],
    ['safety', 'A weakness of safety', 'P2', 3],
    ['simplicity', 'A weakness of simplicity', 'P2', 3],
    ['wording', 'A weakness of wording', 'P2', 3],
  ])
  expect(ready.reason).toBeNull()
  // Their checkout is gone again, and they wrote nothing into the author's.
  expect((await sh(arena.repo, 'worktree', 'list')).split('\n')).toHaveLength(2)
  expect(await sh(ready.worktree, 'status', '--porcelain')).toBe('')
})

it('a malformed answer is asked for once more, with what was wrong, and the second one counts', async () => {
  const { rows, findings, asked, review } = await reviewed((request) =>
    isSecondTry(request) ? inSchema(request, answerOf(reviewerOf(request))) : say,
  )
  expect(rows.map((row) => row.status)).toEqual(NAMES.map(() => 'done'))
  for (const name of NAMES) {
    expect(review(name)).toMatchObject({ tries: 2, findings: 1 })
    expect(asked(name).some(isSecondTry)).toBe(true)
  }
  expect(findings).toHaveLength(NAMES.length)
})

it('two malformed answers are no review, which never reads as one without findings', async () => {
  const { ready, rows, findings, core } = await reviewed(() => say)
  expect(rows.map((row) => [row.status, row.tries, row.findings])).toEqual(NAMES.map(() => ['failed', 2, 0]))
  for (const row of rows) expect(row.problem).toMatch(/\w/)
  expect(findings).toEqual([])
  expect(ready.reason).toMatch(/^No review by correctness, simplicity, safety, wording: /)
  const facts = await core.client.history.facts({ attemptId: ready.id, limit: 200 })
  expect(facts.filter((fact) => fact.kind === 'review.ended').map((fact) => fact.body.status)).toEqual(
    NAMES.map(() => 'failed'),
  )
})
