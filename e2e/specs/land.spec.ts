import type { Page } from '@playwright/test'
import { ask, expect, type Forge, test } from '../fixtures/forge.ts'
import { type Sandbox, until } from '../fixtures/sandbox.ts'
import { taskRows } from '../fixtures/window.ts'

interface Approved {
  taskId: string
  attemptId: string
  branch: string
}

/** A task whose one attempt is through. */
function ready(box: Sandbox, title: string, command: string): Promise<Approved> {
  return ask(box, async (core) => {
    const [repository] = await core.repositories.list()
    const slot = { agent: 'shell', command, scenario: null, model: null, hint: null }
    const fired = await core.tasks.fire({ repoId: repository?.id ?? '', title, brief: title, slots: [slot] })
    const [attempt] = fired.attempts
    if (!attempt) throw new Error('nothing was fired')
    await until(
      'the attempt is ready',
      async () => (await core.attempts.get({ id: attempt.id })).status === 'ready',
    )
    return { taskId: fired.task.id, attemptId: attempt.id, branch: attempt.branch }
  })
}

const adds = (file: string) => `echo ${file} > ${file}; git add -A; git commit -qm "Add ${file}"`
const approve = (box: Sandbox, { attemptId }: Approved) =>
  ask(box, async (core) => {
    const { headSha } = await core.attempts.get({ id: attemptId })
    await core.attempts.verdict({ id: attemptId, kind: 'mergeable', headSha: headSha ?? '' })
  })

const runs = (page: Page) => page.getByTestId('lane-run')
const titles = (page: Page) => runs(page).locator('.row-title')
const more = (page: Page, place: number) =>
  runs(page)
    .nth(place - 1)
    .getByRole('button', { name: 'More for this landing' })

async function choose(page: Page, place: number, item: string): Promise<void> {
  await more(page, place).click()
  await page.getByRole('menuitem', { name: item }).click()
}

/** The head that was pushed for an attempt. */
const pushed = (forge: Forge, { branch }: Approved) =>
  until('the branch is pushed', () => forge.repo.git('ls-remote', forge.bare, `refs/heads/${branch}`)).then(
    (line) => line.split('\t')[0] ?? '',
  )

const statusOf = (box: Sandbox, taskId: string): Promise<string> =>
  ask(box, async (core) => (await core.tasks.get({ id: taskId })).task.status)

test('several approved tasks stand in the lane and land in the order that they are given', async ({
  host,
  forge,
}) => {
  const { page, box } = host
  await forge.connect()
  await forge.api.protect(['ci'])
  const made: Approved[] = []
  for (const name of ['One', 'Two', 'Three', 'Four'])
    made.push(await ready(box, `Add ${name}`, adds(`${name}.txt`)))
  for (const each of made) await approve(box, each)
  await expect(titles(page)).toHaveText(['Add One', 'Add Two', 'Add Three', 'Add Four'])
  await expect(runs(page).nth(0)).toContainText('Checks of the forge')
  await expect(runs(page).nth(1)).toContainText('Wait in the lane')

  // With the mouse.
  await choose(page, 3, 'Move up')
  await expect(titles(page)).toHaveText(['Add One', 'Add Three', 'Add Two', 'Add Four'])
  await choose(page, 2, 'Pause after this step')
  await expect(runs(page).nth(1)).toHaveAttribute('data-status', 'paused')
  await choose(page, 2, 'Go on')
  await expect(runs(page).nth(1)).toHaveAttribute('data-status', 'active')

  // With the keyboard: from the row to its menu, by letters and arrows in it, and the focus comes back.
  await runs(page).nth(3).getByRole('button').first().focus()
  await page.keyboard.press('Tab')
  await expect(more(page, 4)).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menuitem').first()).toBeFocused()
  await page.keyboard.type('move u')
  await expect(page.getByRole('menuitem', { name: 'Move up' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(titles(page)).toHaveText(['Add One', 'Add Three', 'Add Four', 'Add Two'])
  await more(page, 4).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('menuitem').first()).toBeFocused()
  await page.keyboard.press('End')
  await expect(page.getByRole('menuitem').last()).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(titles(page)).toHaveText(['Add One', 'Add Three', 'Add Four'])
  const [, two] = made
  expect(await statusOf(box, two?.taskId ?? '')).toBe('deciding')

  for (const each of [made[0], made[2], made[3]] as Approved[]) {
    const sha = await pushed(forge, each)
    await forge.api.check(sha, 'ci', 'success')
    await until('it has landed', async () => (await statusOf(box, each.taskId)) === 'landed')
  }
  await expect(page.getByTestId('lane-strip')).toBeHidden()
  const log = await forge.repo.git('--git-dir', forge.bare, 'log', '--format=%s', 'main')
  expect(log.split('\n')).toEqual(['Add Four (#3)', 'Add Three (#2)', 'Add One (#1)', 'Start'])
})

test('a pull request shows its checks, is talked to, and is merged', async ({ host, forge }) => {
  const { page, box } = host
  await forge.connect()
  await forge.api.protect(['ci'])
  const task = await ready(box, 'Add One', adds('One.txt'))
  await approve(box, task)
  await taskRows(page).first().click()
  const card = page.getByTestId('pull-card')
  await expect(card).toHaveAttribute('data-state', 'open')
  await expect(card).toContainText('#1')
  await choose(page, 1, 'Pause after this step')
  await expect(runs(page).first()).toHaveAttribute('data-status', 'paused')

  const sha = await pushed(forge, task)
  await forge.api.check(sha, 'ci', null)
  await forge.api.check(sha, 'lint', 'failure', 'src/one.js:3 error: “one” is never used\n1 problem')
  await forge.api.remark(1, 'One.txt', 1, 'Please say **why** there is a file for this.')
  await card.getByRole('button', { name: 'Look at the forge now' }).click()
  await expect(card).toContainText('1 of 2 checks done, 1 red')
  await expect(card.getByText('“one” is never used')).toBeVisible()
  const thread = card.getByTestId('thread')
  await expect(thread).toContainText('Please say why there is a file for this.')
  await expect(thread).toHaveAttribute('data-open', 'true')

  await thread.getByLabel('Answer to t1').fill('The next task needs it.')
  await thread.getByRole('button', { name: 'Answer' }).click()
  await expect(thread).toHaveAttribute('data-open', 'false')
  await expect(card).toContainText('nothing waits for an answer')
  const said = await forge.api.comments(1)
  expect(said.map((comment) => comment.body.split('\n')[0])).toContain('The next task needs it.')

  await forge.api.check(sha, 'lint', 'success')
  await forge.api.check(sha, 'ci', 'success')
  await choose(page, 1, 'Go on')
  await expect(card).toHaveAttribute('data-state', 'merged')
  await expect(page.getByTestId('land-card')).toHaveAttribute('data-status', 'landed')
  await expect(card).toContainText('merged')
})

test('a conflict that the agent cannot solve waits for the engineer', async ({ host, forge }) => {
  const { page, box } = host
  await forge.connect()
  const first = await ready(box, 'Rename it', 'echo "# Large" > README.md; git commit -qam "Large"')
  const second = await ready(box, 'Name it', 'echo "# Tiny" > README.md; git commit -qam "Tiny"')
  await approve(box, first)
  await approve(box, second)
  await until('the first has landed', async () => (await statusOf(box, first.taskId)) === 'landed')
  await until('the second came back', async () => (await statusOf(box, second.taskId)) === 'deciding')
  const needs = page.getByTestId('needs-me')
  // One task, one thing to do.
  await expect(needs.getByRole('button', { name: 'Name it' })).toHaveCount(1)
  await needs.getByRole('button', { name: 'Name it' }).click()
  const card = page.getByTestId('land-card')
  await expect(card).toHaveAttribute('data-status', 'failed')
  await expect(card).toContainText('conflict with main in README.md')
})
