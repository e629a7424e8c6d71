import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { placesOf } from '../../src/main/core/data-dir.ts'
import { png } from '../../src/main/core/testing/png.ts'
import { expect, type Host, test } from '../fixtures/host.ts'
import { type Repo, repoWithTests, smallRepo } from '../fixtures/repo.ts'
import { expectStatus, taskRows, tile, trashByKeys } from '../fixtures/window.ts'

const WORKFLOW = `---
verify:
  - name: test
    run: node --test
review:
  reviewers:
    - { name: correctness, agent: rehearsal, scenario: correctness, focus: Does it do what the brief asks? }
    - { name: simplicity, agent: rehearsal, scenario: simplicity, focus: Is it the smallest change? }
---

{{ issue.description }}
`

/** What each of the four does: two fail the checks, one leaves what a reviewer calls a P0, one is clean. */
const SCENARIOS = ['red', 'red', 'flawed', 'good']
const BRIEF = 'Say where the sum is used'

interface Fired {
  task: { id: string }
  attempts: { id: string; n: number; branch: string }[]
}

/** A round of these four, opened by keys and ready to be judged. */
async function readyRound({ page, box }: Host): Promise<{ repo: Repo; fired: Fired }> {
  const repo = await repoWithTests(join(box.repos, 'tested'), box.home)
  await repo.write('WORKFLOW.md', WORKFLOW)
  await repo.commit('Name reviewers')
  await box.json('repo', 'add', repo.path, '--trust')
  const fired: Fired = await box.json(
    'fire',
    ...['--repo', repo.path, '--brief', BRIEF, '--agent', 'rehearsal'],
    ...['--attempts', '4', '--scenario', SCENARIOS.join(',')],
  )
  await expect(taskRows(page)).toHaveCount(1)
  await page.keyboard.press('ArrowDown')
  for (const n of [1, 2, 3, 4]) await expectStatus(page, n, 'ready')
  return { repo, fired }
}

const column = (page: Page, n: number) => page.getByTestId(`matrix-${n}`)
const row = (page: Page, id: string) => page.getByTestId('matrix').locator(`tr[data-row="${id}"]`)
const cell = (page: Page, id: string, place: number) => row(page, id).locator('td').nth(place)

/** Numbers of the attempts in the order of the matrix's columns. */
const order = (page: Page) => page.getByTestId('matrix').locator('thead .tile-n').allInnerTexts()

/** Moves the keyboard by Tab to the control of that name; not further than the matrix is long. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  for (let steps = 0; steps < 80; steps++) {
    await page.keyboard.press('Tab')
    const label = await page.evaluate(() => document.activeElement?.getAttribute('title') ?? '')
    if (name.test(label)) return
  }
  throw new Error(`Tab never came to ${name}`)
}

async function command(page: Page, words: string): Promise<void> {
  await page.keyboard.press('Control+Shift+K')
  await expect(page.getByTestId('palette')).toBeVisible()
  await page.keyboard.type(words)
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('palette')).toBeHidden()
}

test('what four attempts prove is seen side by side, and the verdict takes effect on all of them', async ({
  host,
}) => {
  // A whole round, its landing and two undo windows.
  test.slow()
  const { page, box } = host
  const { repo } = await readyRound(host)

  // The matrix: what is known of each, the best of each row, sorted by any of them.
  await page.keyboard.press('a')
  for (const n of [1, 2, 3, 4]) await expect(column(page, n)).toBeVisible()
  await expect(cell(page, 'checks', 0)).toHaveText('0 of 1')
  await expect(cell(page, 'checks', 0)).toHaveAttribute('data-tone', 'bad')
  await expect(cell(page, 'checks', 3)).toHaveAttribute('data-best', 'true')
  await expect(cell(page, 'check:test', 1)).toContainText('failed')
  await expect(cell(page, 'findings', 0)).toHaveText('no review')
  await expect(cell(page, 'findings', 2)).toHaveText('P0×1')
  await expect(cell(page, 'findings', 3)).toHaveText(/^none/)
  await expect(cell(page, 'findings', 3)).toHaveAttribute('data-best', 'true')
  // Only two could be reviewed, and only one of those may land: the others set no record for being small.
  await expect(cell(page, 'size', 0)).not.toHaveAttribute('data-best', 'true')
  await expect(cell(page, 'files', 2)).toHaveText('2')
  expect(await order(page)).toEqual(['1', '2', '3', '4'])
  await tabTo(page, /by findings/)
  await page.keyboard.press('Enter')
  await expect.poll(() => order(page)).toEqual(['4', '3', '1', '2'])
  await page.keyboard.press('Enter')
  await expect.poll(() => order(page)).toEqual(['3', '4', '1', '2'])
  await page.keyboard.press('Enter')
  await expect.poll(() => order(page)).toEqual(['1', '2', '3', '4'])
  for (const n of [2, 3]) {
    await page.keyboard.press(String(n))
    await expect(column(page, n)).toHaveAttribute('data-focused', 'true')
  }

  // The diff of #3 against the base, then against each of its siblings.
  await page.keyboard.press('d')
  const diff = page.getByTestId('diff')
  await expect(diff).toContainText('NEWS.md')
  await expect(diff).toContainText('<<<<<<< ours')
  await expect(diff).toContainText('2 files')
  await page.keyboard.press('o')
  await expect(page.getByTestId('diff-relations')).toHaveText(
    /2 only in #1 · 2 only in #3|2 only in #3 · 2 only in #1/,
  )
  await page.keyboard.press('o')
  await page.keyboard.press('o')
  await expect(page.getByTestId('diff-relations')).toHaveText('1 only in #3 · 1 the same')
  await page.keyboard.press('4')
  await expect(page.getByTestId('diff')).not.toContainText('NEWS.md')
  await page.keyboard.press('w')

  // A P0 stands in the way, and says so, until there is a reason.
  await page.keyboard.press('3')
  await page.keyboard.press('m')
  const override = page.getByTestId('override')
  await expect(override).toContainText('P0 of correctness: A conflict mark was committed')
  await page.keyboard.press('Control+Enter')
  await expect(override).toBeVisible()
  await page.keyboard.type('The news are mended by hand afterwards.')
  await page.keyboard.press('Control+Enter')
  await expectStatus(page, 3, 'mergeable')
  await page.keyboard.press('u')
  await expectStatus(page, 3, 'ready')
  for (const n of [1, 2, 4]) await expectStatus(page, n, 'ready')

  // The clean one is taken: it lands, and each sibling gets a line.
  await page.keyboard.press('4')
  await page.keyboard.press('m')
  await expectStatus(page, 4, 'landed')
  await expect(taskRows(page).first()).toHaveAttribute('data-status', 'landed')
  for (const n of [1, 2, 3]) await expectStatus(page, n, 'trashed')
  const verdicts = page.getByTestId('verdicts').locator('li')
  await expect(verdicts).toHaveCount(4)
  await expect(verdicts.filter({ hasText: 'lost to #4' })).toHaveCount(3)
  await expect(verdicts.filter({ hasText: 'mergeable' })).toContainText(/\d+\s?m?s|\dm/)
  await page.keyboard.press('g')
  const timeline = page.getByTestId('timeline')
  for (const n of [1, 2, 3])
    await expect(timeline.locator('li', { hasText: new RegExp(`^#${n} trashed: Lost to #4`) })).toHaveCount(1)
  await expect(timeline).toContainText('The news are mended by hand afterwards.')
  await expect(page.getByTestId('decision-times')).toBeVisible()
  expect(await repo.git('log', '-1', '--format=%s', 'main')).not.toBe('Name reviewers')
  expect(await repo.git('status', '--porcelain')).toBe('')

  // What lost is not gone.
  await page.keyboard.press('w')
  await page.keyboard.press('3')
  await expect
    .poll(async () => (await repo.git('for-each-ref', 'refs/quartet/trash')).split('\n').length)
    .toBe(3)
  await command(page, 'restore from trash')
  await expectStatus(page, 3, 'ready')
  const attempts: { n: number; worktree: string }[] = await box.json('ls', 'attempts')
  const restored = attempts.find((attempt) => attempt.n === 3)
  expect(await readFile(join(restored?.worktree ?? '', 'NEWS.md'), 'utf8')).toContain('<<<<<<< ours')
})

test('all trash: an analysis, its question answered and its lesson corrected by hand, then a round that reads both', async ({
  host,
}) => {
  // Two rounds.
  test.slow()
  const { page, box } = host
  const { fired } = await readyRound(host)

  // A verdict that took effect can still be taken back by restoring.
  await trashByKeys(page, 1, [5], '')
  await expect.poll(async () => (await box.json('show', fired.attempts[0]?.id ?? '')).trashRef).not.toBeNull()
  await command(page, 'restore from trash')
  await expectStatus(page, 1, 'ready')

  for (const n of [1, 2, 3, 4])
    await trashByKeys(page, n, [2], n === 4 ? 'The brief means the tests as well.' : '')
  await expect(taskRows(page).first()).toHaveAttribute('data-status', 'rework')
  const rework = page.getByTestId('rework')
  await expect(rework).toHaveAttribute('data-state', 'done')
  await expect(rework).toContainText('Written by rehearsal')
  await expect(rework).toContainText('4 of 4 attempts misread')

  // Nothing is fired while only the engineer can say what was meant: the key leads to the question instead.
  await page.keyboard.press('f')
  await expect(page.getByTestId('lesson-answer')).toBeFocused()
  expect((await box.json('show', fired.task.id)).round).toBe(1)
  await page.keyboard.type('Tests count as uses.')
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('lesson-state')).toHaveText('Saved.')
  await command(page, 'edit what the trashed round taught')
  await expect(page.getByTestId('lesson-went-wrong')).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(page.getByTestId('lesson-do-differently')).toBeFocused()
  await page.keyboard.press('Control+A')
  await page.keyboard.type('Look into the test folder first.')
  await page.keyboard.press('Control+Enter')
  await expect(page.getByTestId('lesson-state')).toHaveText('Saved.')
  await page.keyboard.press('Escape')

  await page.keyboard.press('f')
  await expect(tile(page, 1)).not.toHaveAttribute('data-status', 'trashed')
  const { rounds }: { rounds: { n: number }[] } = await box.json('show', fired.task.id)
  expect(rounds.map((round) => round.n)).toEqual([1, 2])
  const attempts: { id: string; round: number; n: number }[] = await box.json('ls', 'attempts')
  const again = attempts.filter((attempt) => attempt.round === 2)
  expect(again).toHaveLength(4)
  for (const { id, n } of again) {
    await expectStatus(page, n, /running|finished|verifying|reviewing|ready/)
    const prompt = await readFile(join(placesOf(box.dataDir).run, 'attempts', id, 'prompt.md'), 'utf8')
    for (const said of [
      BRIEF,
      'Look into the test folder first.',
      'Tests count as uses.',
      'The brief means the tests as well.',
    ])
      expect(prompt, `prompt of attempt ${n}`).toContain(said)
  }
})

test('pictures that a change replaces are seen as they were and as they are, and nothing else is shown as one', async ({
  host,
}) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await writeFile(join(repo.path, 'logo.png'), png(2, 3))
  await writeFile(join(repo.path, 'old.png'), png(4, 4))
  await repo.commit('Draw')
  await writeFile(join(box.root, 'new.png'), png(5, 6))
  const commands = [
    `cp ${join(box.root, 'new.png')} logo.png`,
    'git rm -q old.png',
    "printf 'PNG\\000 it is not' > fake.png",
    'git add -A',
    'git commit -qm Redraw',
  ]
  await box.json(
    'fire',
    ...['--repo', repo.path, '--brief', 'Redraw the logo', '--agent', 'shell', '--attempts', '1'],
    ...['--command', commands.join(' && ')],
  )
  await expect(taskRows(page)).toHaveCount(1)
  await page.keyboard.press('ArrowDown')
  await expectStatus(page, 1, 'ready')
  await page.keyboard.press('d')
  const sides = page.getByTestId('picture-diff').locator('figure')
  await expect(sides).toHaveText([
    /It is no picture that can be shown\.\s*After/,
    /Before\s*2 × 3 px · \d+ B/,
    /After\s*5 × 6 px · \d+ B/,
    /Before\s*4 × 4 px · \d+ B/,
  ])
  // Really drawn: the page's own rules let it.
  const widths = () =>
    sides.locator('img').evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth))
  await expect.poll(widths).toEqual([2, 5, 4])
})

test('reviewers look again when asked to, and a crashed attempt shows what it holds', async ({ host }) => {
  const { page, box } = host
  const repo = await repoWithTests(join(box.repos, 'tested'), box.home)
  await repo.write('WORKFLOW.md', WORKFLOW)
  await repo.commit('Name reviewers')
  await box.json('repo', 'add', repo.path, '--trust')
  const fired: Fired = await box.json(
    'fire',
    ...[
      '--repo',
      repo.path,
      '--brief',
      BRIEF,
      '--agent',
      'rehearsal',
      '--attempts',
      '2',
      '--scenario',
      'red,crash',
    ],
  )
  await expect(taskRows(page)).toHaveCount(1)
  await page.keyboard.press('ArrowDown')
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 2, 'failed')
  await page.keyboard.press('2')
  await expect(page.getByTestId('evidence')).toHaveText('No files changed.')

  // Red checks spared the reviewers the work; the engineer wants it all the same.
  await page.keyboard.press('1')
  const findings = page.getByTestId('findings')
  await expect(findings).toContainText('no review: required checks are red')
  await command(page, 'have its reviewers look again')
  await expect(findings).toContainText('read it,')
  await expect(findings).not.toContainText('no review')
  await expect(findings.getByTestId('finding')).toContainText('A test that always fails')
  await expectStatus(page, 1, 'ready')
  const facts: { kind: string }[] = await box.json('facts', fired.attempts[0]?.id ?? '', '--limit', '200')
  expect(facts.filter((fact) => fact.kind === 'review.ended')).toHaveLength(2)

  // The engineer's word on the finding is the last one.
  await page.keyboard.press('b')
  const finding = findings.getByTestId('finding').first()
  await expect(finding).toBeFocused()
  await expect(finding).toContainText('Stands in the way')
  for (const _answer of ['Accept', 'Clarify', 'Push back']) await page.keyboard.press('Tab')
  await expect(finding.getByRole('button', { name: 'Push back' })).toBeFocused()
  await page.keyboard.press('Enter')
  await page.keyboard.type('It is red for a reason.')
  await page.keyboard.press('Control+Enter')
  await expect(finding).toContainText('pushed back by you')
  await expect(finding).toContainText('It is red for a reason.')
  await expect(finding).not.toContainText('Stands in the way')
})

test('work of other tasks that will conflict is named before the verdict, with the order to land it in', async ({
  host,
}) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  for (const brief of ['Say the status of the parser', 'Say the status of the printer'])
    await box.json(
      'fire',
      ...['--repo', repo.path, '--brief', brief, '--agent', 'rehearsal', '--attempts', '2'],
      ...['--scenario', 'conflict,good'],
    )
  await taskRows(page).filter({ hasText: 'printer' }).click()
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 2, 'ready')
  const chip = tile(page, 1).getByRole('button', { name: 'Conflicts with 1 other task' })
  await chip.focus()
  await page.keyboard.press('Enter')
  const told = page.getByRole('dialog', { name: 'Conflicts with 1 other task' })
  await expect(told).toContainText('Conflicts with #1 of Say the status of the parser, in')
  await expect(told).toContainText('REHEARSAL.md')
  await expect(told).toContainText('Not with its #2.')
  const order = page.getByTestId('land-order').locator('li')
  await expect(order).toHaveText([/as it is$/, /will need mending$/])
  await page.keyboard.press('Escape')
  await expect(told).toBeHidden()
  await expect(tile(page, 2).getByRole('button', { name: /Conflicts/ })).toHaveCount(0)
})
