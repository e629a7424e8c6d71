import { join } from 'node:path'
import { expect, test } from '../fixtures/host.ts'
import { repoWithTests } from '../fixtures/repo.ts'
import { expectStatus, taskRows, tile, trashByKeys } from '../fixtures/window.ts'

test('all trash leads to rework, whose brief carries the reasons', async ({ host }) => {
  const { page, box } = host
  const repo = await repoWithTests(join(box.repos, 'tested'), box.home)
  await box.json('repo', 'add', repo.path, '--trust')
  const fired = await box.json(
    'fire',
    ...['--repo', repo.path, '--brief', 'Greet by name', '--agent', 'rehearsal'],
    ...['--attempts', '2', '--scenario', 'good,red'],
  )
  await taskRows(page).first().click()
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 2, 'ready')

  await trashByKeys(page, 1, [1], 'It greets the wrong person.')
  await trashByKeys(page, 2, [2, 8], '')
  await expect(taskRows(page).first()).toHaveAttribute('data-status', 'rework')

  await page.keyboard.press('Escape')
  await page.keyboard.press('f')
  await expect(async () => {
    const { round } = await box.json('show', fired.task.id)
    expect(round).toBe(2)
  }).toPass({ timeout: 30_000 })
  await expect(tile(page, 1)).not.toHaveAttribute('data-status', 'trashed')

  const task: { rounds: { n: number; prompt: string }[] } = await box.json('show', fired.task.id)
  const prompt = task.rounds.find((round) => round.n === 2)?.prompt ?? ''
  for (const said of [
    'Greet by name',
    'wrong approach',
    'It greets the wrong person.',
    'misread the brief',
    'no tests',
  ])
    expect(prompt).toContain(said)
})

test('a verdict can be taken back within its ten seconds', async ({ host }) => {
  const { page, box } = host
  const repo = await repoWithTests(join(box.repos, 'tested'), box.home)
  await box.json('repo', 'add', repo.path, '--trust')
  await box.json(
    'fire',
    '--repo',
    repo.path,
    '--brief',
    'Greet',
    '--agent',
    'rehearsal',
    '--attempts',
    '2',
    '--scenario',
    'good,good-alt',
  )
  await taskRows(page).first().click()
  await expectStatus(page, 1, 'ready')
  await expectStatus(page, 2, 'ready')
  await page.keyboard.press('2')
  await page.keyboard.press('m')
  await expectStatus(page, 2, 'mergeable')
  await page.keyboard.press('u')
  await expectStatus(page, 2, 'ready')
  await expectStatus(page, 1, 'ready')
  expect(await repo.git('log', '--oneline', 'main')).not.toContain('Greet')
})
