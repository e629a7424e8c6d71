import { join } from 'node:path'
import { expect, test } from '../fixtures/host.ts'
import { repoWithTests } from '../fixtures/repo.ts'
import { expectStatus, taskRows, terminal, tile } from '../fixtures/window.ts'

test('from a brief to a landed change without a mouse', async ({ host }) => {
  const { page, box } = host
  const repo = await repoWithTests(join(box.repos, 'tested'), box.home)
  await box.json('repo', 'add', repo.path, '--trust')
  await expect(page.getByTestId('new-task')).toBeVisible()

  await page.keyboard.press('n')
  await expect(page.getByTestId('composer-brief')).toBeFocused()
  await page.keyboard.type('Note the sum\n\nSay where it is used.')
  await expect(page.getByTestId('composer-fire')).toBeEnabled()
  await page.keyboard.press('Control+Enter')
  await expect(page.getByTestId('composer-brief')).toBeHidden()
  for (const n of [1, 2, 3, 4]) await expect(tile(page, n)).toBeVisible()
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 3, 'waiting')

  // In a terminal letters are text, and only there; an answer is typed where the question stands.
  await page.keyboard.press('3')
  await expect(tile(page, 3)).toHaveAttribute('data-focused', 'true')
  await page.keyboard.press('i')
  await page.keyboard.type('may it be so, tz')
  await expect(terminal(page, 3)).toContainText('may it be so, tz')
  await page.keyboard.press('Enter')
  await expectStatus(page, 3, 'ready')
  await expectStatus(page, 1, 'ready')
  // Two within 0.4 s, which a busy machine may miss at the first try.
  await expect(async () => {
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
    expect(await page.evaluate(() => document.activeElement?.closest('.xterm') === null)).toBe(true)
  }).toPass({ timeout: 15_000 })

  await page.keyboard.press('z')
  await expect(tile(page, 1)).toBeHidden()
  await page.keyboard.press('z')
  await expect(tile(page, 1)).toBeVisible()
  await page.keyboard.press('?')
  await expect(page.getByTestId('help')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(page.getByTestId('help')).toBeHidden()
  await page.keyboard.press('Control+Shift+K')
  await expect(page.getByTestId('palette')).toBeVisible()
  // What cannot be given now is found as well, below all that can.
  await page.keyboard.type('diff')
  const top = async (name: string) =>
    (await page.getByTestId('palette').getByRole('option', { name }).boundingBox())?.y ?? 0
  expect(await top('Next hunk')).toBeGreaterThan(await top('Show the diff'))
  await page.keyboard.press('Control+A')
  await page.keyboard.type('show the diff')
  await page.keyboard.press('Enter')
  await expect(page.getByTestId('diff')).toBeVisible()
  await page.keyboard.press('w')
  await expect(tile(page, 1)).toBeVisible()

  await page.keyboard.press('1')
  await page.keyboard.press('m')
  await expectStatus(page, 1, 'landed')
  await expect(taskRows(page).first()).toHaveAttribute('data-status', 'landed')
  expect(await repo.git('log', '-1', '--format=%s', 'main')).not.toBe('Test it')
  expect(await repo.git('status', '--porcelain')).toBe('')
})
