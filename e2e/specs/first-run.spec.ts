import { join } from 'node:path'
import { expect, test } from '../fixtures/host.ts'
import { expectStatus, taskRows, terminal, tile } from '../fixtures/window.ts'

test('from nothing to a landed change, and all of it is still there after a restart', async ({ host }) => {
  const { page, box } = host
  await expect(page.getByTestId('first-run')).toBeVisible()
  await page.getByTestId('try-sample').click()

  for (const n of [1, 2, 3, 4]) {
    await expect(tile(page, n)).toBeVisible()
    await expect(terminal(page, n)).toContainText(/\w/)
  }
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 2, 'ready')
  await expectStatus(page, 3, 'waiting')
  await expectStatus(page, 4, 'ready')
  await expect(page.getByTestId('needs-me')).toBeVisible()
  const said = (await terminal(page, 1).innerText()).trim()

  const [repo] = await box.json('repo', 'ls')
  const git = async (...args: string[]) => {
    const { execFileSync } = await import('node:child_process')
    return execFileSync('git', args, { cwd: repo.path, env: box.env(), encoding: 'utf8' }).trim()
  }
  const base = await git('rev-parse', 'main')

  // One key decides.
  await page.keyboard.press('1')
  await page.keyboard.press('m')
  await expectStatus(page, 1, /mergeable|landing|landed/)
  await expect(page.getByTestId('undo')).toBeVisible()
  await expectStatus(page, 1, 'landed')
  await expect(taskRows(page).first()).toHaveAttribute('data-status', 'landed')
  expect(await git('rev-parse', 'main^')).toBe(base)
  expect(await git('status', '--porcelain')).toBe('')
  await expect.poll(async () => (await git('for-each-ref', 'refs/quartet/trash')).split('\n').length).toBe(3)

  await host.restart()
  const after = host.page
  await expect(taskRows(after).first()).toHaveAttribute('data-status', 'landed')
  await taskRows(after).first().click()
  await expectStatus(after, 1, 'landed')
  for (const n of [2, 3, 4]) await expectStatus(after, n, 'trashed')
  await expect(terminal(after, 1)).toContainText(said.split('\n').at(-1)?.trim() ?? said)
  await after.keyboard.press('g')
  await expect(after.getByTestId('timeline')).toContainText(/landed/i)
  expect(await git('log', '--oneline', 'main')).toContain('\n')
  expect(repo.path.startsWith(join(box.dataDir, 'sample'))).toBe(true)
})

test('a killed core loses nothing: agents go on and the window finds them again', async ({ host }) => {
  const { box } = host
  await host.page.getByTestId('try-sample').click()
  await expectStatus(host.page, 1, /running|ready/)
  await host.kill9()
  const { page } = host
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 4, 'ready')
  const attempts: { id: string; status: string }[] = await box.json('ls', 'attempts')
  expect(attempts).toHaveLength(4)
})
