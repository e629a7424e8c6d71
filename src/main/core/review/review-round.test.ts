import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { blocksVerdict, evidenceOf, reviewsOf } from '../../../shared/state/review-selectors.ts'
import { agentCommits, sh } from '../git/fixtures.ts'
import { eventually } from '../testing/ledger-fixture.ts'
import { reviewWorld, scriptedDriver } from '../testing/review-world.ts'
import { readAnswers } from './author-answers.ts'

const reviewers = (...lines: string[]) =>
  ['---', 'review:', '  reviewers:', ...lines.map((line) => `    - ${line}`), '---', 'x'].join('\n')
const finding = (change: object) => ({
  priority: 'P2',
  confidence: 0.8,
  file: 'src/app.js',
  line: 2,
  title: 'A title',
  body: 'A body.',
  failure: null,
  ...change,
})
const answer = (findings: object[], previous: object[] = []) =>
  `cat > /dev/null; echo '${JSON.stringify({ summary: 'Looked.', findings, previous })}'`
const CHANGE = { 'src/app.js': 'export const one = 1\nexport const two = 2\n' }

describe('reviews', () => {
  it('are made by the rehearsal over the diff, and end in findings at the head', async () => {
    const world = await reviewWorld({
      workflow: reviewers('{ name: tests, agent: rehearsal, focus: Are there tests? }'),
    })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    expect(await world.ready(attempt.id)).toMatchObject({ status: 'ready', reason: null })
    const [row] = world.ledger.select('reviews')
    expect(row).toMatchObject({
      reviewer: 'tests',
      agent: 'rehearsal',
      status: 'done',
      headSha: attempt.headSha,
      findings: 1,
      exchange: 1,
      tries: 1,
    })
    expect(world.ledger.select('findings')).toMatchObject([
      {
        priority: 'P2',
        title: 'No test was added',
        status: 'open',
        headSha: attempt.headSha,
        file: 'src/app.js',
      },
    ])
    expect(world.ledger.select('evidence')).toMatchObject([{ headSha: attempt.headSha, gaps: [] }])
    // The reviewers' checkout is gone again, and nothing of it is left in the repository.
    expect(sh(world.repo, 'worktree', 'list').split('\n')).toHaveLength(2)
    expect(sh(world.repo, 'branch', '--list', 'quartet/review/*')).toBe('')
    expect(await readdir(join(world.data, 'run', 'headless'))).toEqual([])
  })

  it('see the brief and the diff in a checkout of the head, but not who wrote it', async () => {
    const look = `cat > "$OUT/prompt"; pwd > "$OUT/cwd"; cat src/app.js > "$OUT/app"; echo spoiled > src/app.js; ${answer([])}`
    const world = await reviewWorld({
      workflow: reviewers('{ name: eye, agent: eye, focus: Look closely. }'),
      drivers: [scriptedDriver('eye', look)],
    })
    const attempt = await world.attempt(
      1,
      { ...CHANGE, 'package-lock.json': '{}' },
      { agent: 'secret-author' },
    )
    world.finisher.begin(attempt.id)
    await world.ready(attempt.id)
    const prompt = await readFile(join(world.data, 'prompt'), 'utf8')
    expect(prompt).toContain('Look closely.')
    expect(prompt).toContain('It says hello.')
    expect(prompt).toContain('+export const two = 2')
    expect(prompt).toContain('generated and left out: package-lock.json')
    expect(prompt).not.toContain('secret-author')
    expect(await readFile(join(world.data, 'app'), 'utf8')).toBe(CHANGE['src/app.js'])
    // What a reviewer writes touches nobody's work.
    expect((await readFile(join(world.data, 'cwd'), 'utf8')).trim()).not.toBe(attempt.worktree)
    expect(await readFile(join(attempt.worktree, 'src/app.js'), 'utf8')).toBe(CHANGE['src/app.js'])
  })

  it('ask once more after a malformed answer', async () => {
    const stumble = `cat > "$OUT/prompt-$(ls "$OUT" | grep -c prompt)"; if [ -e "$OUT/again" ]; then ${answer([finding({})])}; else touch "$OUT/again"; echo '{"summary": 7}'; fi`
    const world = await reviewWorld({
      workflow: reviewers('{ name: eye, agent: eye, focus: Look. }'),
      drivers: [scriptedDriver('eye', stumble)],
    })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    await world.ready(attempt.id)
    expect(world.ledger.select('reviews')).toMatchObject([{ status: 'done', tries: 2, findings: 1 }])
    expect(await readFile(join(world.data, 'prompt-1'), 'utf8')).toContain(
      'Your last answer could not be used',
    )
  })

  it.each([
    ['words instead of JSON', 'cat >/dev/null; echo "Looks good to me!"', 'did not answer with JSON'],
    ['another shape', `cat >/dev/null; echo '{"findings": []}'`, 'does not fit the schema'],
    ['a crash', 'cat >/dev/null; echo "no quota" >&2; exit 3', 'no quota'],
    ['silence', 'sleep 60', 'did not answer within 1 s'],
  ])('are no review, not one without findings, after %s', async (_what, script, problem) => {
    const world = await reviewWorld({
      workflow: `${reviewers('{ name: eye, agent: eye, focus: Look. }').replace('review:', 'review:\n  timeout_ms: 1000')}`,
      drivers: [scriptedDriver('eye', script)],
    })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    const now = await world.ready(attempt.id)
    expect(now.reason).toMatch(/^No review by eye: /)
    const [row] = world.ledger.select('reviews')
    expect(row).toMatchObject({ status: 'failed', problem: expect.stringContaining(problem) })
    expect(row?.tries).toBe(script.startsWith('sleep') ? 1 : 2)
    expect(world.ledger.select('findings')).toEqual([])
  })

  it('say on the card why nobody reviewed', async () => {
    const world = await reviewWorld()
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    expect((await world.ready(attempt.id)).reason).toBe(
      'Not reviewed: no agent that can review is named in the settings or in WORKFLOW.md.',
    )
    const rows = world.ledger.select('reviews')
    expect(rows.map((row) => [row.reviewer, row.status])).toEqual([
      ['correctness', 'skipped'],
      ['simplicity', 'skipped'],
    ])
    world.settings.save({ reviews: false })
    const other = await world.attempt(2, { 'src/b.js': 'x\n' })
    world.finisher.begin(other.id)
    expect((await world.ready(other.id)).reason).toBeNull()
  })

  it('use the first default agent that can, for both default personas', async () => {
    const world = await reviewWorld({ drivers: [scriptedDriver('eye', answer([]))] })
    world.settings.save({ defaultAgents: ['shell', 'missing', 'eye'] })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    await world.ready(attempt.id)
    expect(world.ledger.select('reviews').map((row) => [row.reviewer, row.agent, row.status])).toEqual([
      ['correctness', 'eye', 'done'],
      ['simplicity', 'eye', 'done'],
    ])
  })

  it('are not spent on an attempt whose checks are red, unless the engineer asks', async () => {
    const workflow = reviewers('{ name: eye, agent: eye, focus: Look. }').replace(
      'review:',
      'verify: [{ name: test, run: "false" }]\nreview:',
    )
    const world = await reviewWorld({ workflow, drivers: [scriptedDriver('eye', answer([]))] })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    expect((await world.ready(attempt.id)).reason).toBe('Red: test.')
    expect(world.ledger.select('reviews')).toMatchObject([
      { status: 'skipped', problem: 'required checks are red' },
    ])
    await world.finisher.verify(attempt.id, 'review')
    await eventually(() => world.ledger.select('reviews').some((row) => row.status === 'done'), 'the review')
    await eventually(() => world.ledger.require('attempts', attempt.id).status === 'ready', 'ready again')
    expect(world.ledger.select('reviews')).toHaveLength(1)
  })

  it('need a concrete failure for anything above P2', async () => {
    const world = await reviewWorld({
      workflow: reviewers('{ name: eye, agent: eye, focus: Look. }').replace(
        'review:',
        'review:\n  exchanges: 1',
      ),
      drivers: [
        scriptedDriver(
          'eye',
          answer([
            finding({ priority: 'P0', title: 'Might break' }),
            finding({
              priority: 'P1',
              title: 'Breaks',
              failure: 'one() throws',
              confidence: 90,
              line: 0,
              file: '',
            }),
          ]),
        ),
      ],
    })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    await world.ready(attempt.id)
    expect(world.ledger.select('findings', '1 ORDER BY title')).toMatchObject([
      {
        title: 'Breaks',
        priority: 'P1',
        confidence: 0.9,
        line: null,
        file: null,
        body: 'A body.\n\nFails when: one() throws',
      },
      { title: 'Might break', priority: 'P2' },
    ])
  })
})

describe('findings and their author', () => {
  const P0 = finding({ priority: 'P0', title: 'Loses data', failure: 'save() twice' })

  it('go back once: its answers are kept, the reviewer looks again, and then the engineer decides', async () => {
    const asked: string[] = []
    // Finds three things at first; at the second look it calls the first one resolved and insists on the others.
    const script = [
      'cat > "$OUT/prompt"',
      'ids=$(grep -o "id find_[a-z0-9]*" "$OUT/prompt" | cut -d" " -f2)',
      `if [ -z "$ids" ]; then ${answer([P0, finding({ title: 'Naming' }), finding({ title: 'Later' })])}`,
      'else set -- $ids; printf \'{"summary":"Again.","findings":[],"previous":[{"id":"%s","state":"resolved","why":"Fixed."},{"id":"%s","state":"stands","why":"Still odd."}]}\' "$1" "$2"; fi',
    ].join('\n')
    const world = await reviewWorld({
      workflow: reviewers('{ name: eye, agent: eye, focus: Look. }'),
      drivers: [scriptedDriver('eye', script)],
      author: async (attempt, text) => {
        asked.push(text)
        const { ledger } = world
        ledger.commit((tx) => tx.patch('attempts', attempt.id, { status: 'finished' }))
        agentCommits(attempt.worktree, { 'src/app.js': `${CHANGE['src/app.js']}// mended\n` })
        ledger.commit((tx) =>
          tx.fact({
            kind: 'attempt.claimed',
            attemptId: attempt.id,
            body: {
              text: 'F1: accepted - it saves once now\n**F2**: pushed back - the name is the convention here\nF3: deferred - needs a migration\n\nAll done.',
            },
          }),
        )
        world.finisher.begin(attempt.id)
        return true
      },
    })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    const now = await world.ready(attempt.id)
    expect(asked).toHaveLength(1)
    expect(asked[0]).toContain('F1 (P0, eye) in src/app.js:2: Loses data')
    expect(now.headSha).not.toBe(attempt.headSha)
    const rows = world.ledger.select('findings', '1 ORDER BY priority, createdAt, id')
    expect(rows.map((row) => [row.title, row.status, row.answeredBy])).toEqual(
      expect.arrayContaining([
        ['Loses data', 'resolved', 'reviewer'],
        ['Naming', 'open', 'reviewer'],
        ['Later', 'deferred', 'author'],
      ]),
    )
    expect(rows.find((row) => row.title === 'Naming')?.answer).toBe(
      'the name is the convention here\nReviewer: Still odd.',
    )
    expect(world.drafts).toMatchObject([
      { title: 'Later', brief: expect.stringContaining('needs a migration') },
    ])
    const reviews = world.ledger.select('reviews', '1 ORDER BY createdAt')
    expect(reviews.map((row) => [row.exchange, row.headSha === now.headSha])).toEqual([
      [1, false],
      [2, true],
    ])
    const entities = {
      reviews: Object.fromEntries(reviews.map((row) => [row.id, row])),
      evidence: Object.fromEntries(world.ledger.select('evidence').map((row) => [row.id, row])),
    }
    expect(reviewsOf(entities, now)).toMatchObject([{ stale: false, review: { exchange: 2 } }])
    expect(evidenceOf(entities, now)?.stale).toBe(false)
    expect(evidenceOf(entities, { ...now, headSha: 'f'.repeat(40) })?.stale).toBe(true)
  })

  it('stay with the engineer when the author cannot be reached, and a P0 blocks until it is answered for good', async () => {
    const world = await reviewWorld({
      workflow: reviewers('{ name: eye, agent: eye, focus: Look. }'),
      drivers: [scriptedDriver('eye', answer([P0]))],
    })
    const attempt = await world.attempt(1, CHANGE)
    world.finisher.begin(attempt.id)
    await world.ready(attempt.id)
    const [open] = world.ledger.select('findings')
    expect(open && blocksVerdict(open)).toBe(true)
    expect(open && blocksVerdict({ ...open, status: 'pushed_back', answeredBy: 'author' })).toBe(true)
    const { findings } = world.reviewing
    expect(() => findings.answer(open?.id ?? '', 'pushed_back', ' ')).toThrow('Say why')
    expect(blocksVerdict(findings.answer(open?.id ?? '', 'accepted', ''))).toBe(true)
    expect(blocksVerdict(findings.answer(open?.id ?? '', 'pushed_back', 'It cannot happen.'))).toBe(false)
    findings.answer(open?.id ?? '', 'deferred', 'Another day.')
    findings.answer(open?.id ?? '', 'deferred', 'Another day!')
    expect(world.drafts).toHaveLength(1)
  })

  it.each([
    ['F1: accepted - done', 'accepted', 'done'],
    ['- F1: Fixed, see abc', 'accepted', 'see abc'],
    ['**F1**: pushed back – no', 'pushed_back', 'no'],
    ['F1. Push-back: because', 'pushed_back', 'because'],
    ['> F1: clarified', 'clarified', 'clarified'],
    ['F1 - deferred: later', 'deferred', 'later'],
  ])('are answered by a line like %j', (line, status, text) => {
    expect(readAnswers(`Hello\n${line}\nbye`).get(1)).toEqual({ status, answer: text })
  })

  it('are not answered by words that only mention them', () => {
    expect(readAnswers('I looked at F1: it is strange\nF2\nAbout F3: accepted').size).toBe(0)
  })
})

describe('finishing an attempt', () => {
  it('commits what was left, says that it did, and checks again when asked', async () => {
    const world = await reviewWorld({
      workflow: '---\nverify: [{ name: t, run: "test ! -e broken" }]\n---\n',
    })
    world.settings.save({ reviews: false })
    const attempt = await world.attempt(1, null)
    agentCommits(attempt.worktree, CHANGE)
    await writeFile(join(attempt.worktree, 'broken'), '')
    world.finisher.begin(attempt.id)
    const first = await world.ready(attempt.id)
    expect(first).toMatchObject({ reason: 'Red: t.', diffstat: { uncommitted: false } })
    expect(world.ledger.select('evidence')).toMatchObject([
      { headSha: first.headSha, committedBy: 'quartet' },
    ])
    sh(attempt.worktree, 'rm', '-q', 'broken')
    sh(attempt.worktree, 'commit', '-qm', 'mended by the engineer')
    await world.finisher.verify(attempt.id, 'verify')
    const second = await eventually(() => {
      const now = world.ledger.require('attempts', attempt.id)
      return now.status === 'ready' && now.headSha !== first.headSha && now.reason === null ? now : null
    }, 'green at the new head')
    expect(second.readyAt).toBeGreaterThanOrEqual(first.readyAt ?? 0)
    expect(world.ledger.select('checks', "status = 'passed'")).toMatchObject([{ headSha: second.headSha }])
  })
})

describe('an attempt whose agent ended without being done', () => {
  it('shows its commits, and says what it does not show', async () => {
    const world = await reviewWorld()
    const attempt = await world.attempt(1, CHANGE, { status: 'failed' })
    await writeFile(join(attempt.worktree, 'src/more.js'), 'export const three = 3\n')
    await world.finisher.look(attempt.id)
    expect(world.ledger.select('evidence')).toMatchObject([
      {
        headSha: attempt.headSha,
        kinds: { source: { files: 1, added: 1 } },
        gaps: ['Work that is not committed: only commits were looked at.'],
      },
    ])
    expect(world.ledger.require('attempts', attempt.id)).toMatchObject({
      status: 'failed',
      diffstat: { files: 2, uncommitted: true },
    })
  })
})

describe('uncommitted work', () => {
  const open = { ...scriptedDriver('open', 'exit 1'), endsBy: 'signal' as const }

  async function leave(typed: (path: string, text: string) => Promise<boolean>) {
    const said: string[] = []
    const world = await reviewWorld({
      drivers: [open],
      typed: (attempt, text) => {
        said.push(text)
        return typed(attempt.worktree, text)
      },
    })
    world.settings.save({ reviews: false })
    const attempt = await world.attempt(1, CHANGE, { agent: 'open', terminalId: 'term_1' })
    await writeFile(join(attempt.worktree, 'src/app.js'), 'left\n')
    return { ...world, said, attempt }
  }

  it('is asked back from an open agent, once', async () => {
    const world = await leave(async (path) => {
      // The agent goes on, does half of it, and ends its turn again while the message is still being confirmed.
      sh(path, 'commit', '-qam', 'the rest')
      await writeFile(join(path, 'more.txt'), 'left again\n')
      world.finisher.cancel(world.attempt.id)
      world.finisher.begin(world.attempt.id)
      return true
    })
    world.finisher.begin(world.attempt.id)
    const now = await world.ready(world.attempt.id)
    expect(world.said).toEqual([expect.stringContaining('not committed')])
    expect(sh(world.attempt.worktree, 'log', '--format=%s', '-2').split('\n')).toEqual([
      'Work that attempt 1 left uncommitted',
      'the rest',
    ])
    expect(world.ledger.select('evidence', 'headSha = ?', now.headSha)).toMatchObject([
      { committedBy: 'quartet' },
    ])
  })

  it('is committed by the app when the agent does not take the message', async () => {
    const world = await leave(async () => false)
    world.finisher.begin(world.attempt.id)
    await world.ready(world.attempt.id)
    expect(world.said).toHaveLength(1)
    expect(sh(world.attempt.worktree, 'status', '--porcelain')).toBe('')
    expect(world.ledger.select('evidence')).toMatchObject([{ committedBy: 'quartet' }])
  })
})
