import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '../fixtures/host.ts'
import { emptyRepo, smallRepo } from '../fixtures/repo.ts'
import { expectStatus, taskRows, tile } from '../fixtures/window.ts'

test('a path that cannot be added is refused with its reason, and a strange one is added', async ({
  host,
}) => {
  const { page, box } = host
  const small = await smallRepo(join(box.repos, 'Größe & Co (日本)'), box.home)
  await small.git('worktree', 'add', '-q', join(box.repos, 'linked'), '-b', 'other')
  await small.git('clone', '-q', '--bare', small.path, join(box.repos, 'bare.git'))
  await emptyRepo(join(box.repos, 'empty'), box.home)
  await mkdir(join(box.repos, 'plain folder'))
  await writeFile(join(box.repos, 'file.txt'), '')

  await page.keyboard.press('Control+Shift+O')
  const field = page.getByTestId('add-repository-path')
  const refused = page.getByTestId('add-repository-refused')
  const cases: [string, RegExp][] = [
    ['nowhere', /nothing at/i],
    ['file.txt', /is a file/i],
    ['plain folder', /not a git repository|no git repository/i],
    ['empty', /commit/i],
    ['bare.git', /bare/i],
    ['linked', /worktree/i],
  ]
  for (const [name, reason] of cases) {
    await field.fill(join(box.repos, name))
    await expect(refused, name).toContainText(reason)
    await expect(page.getByTestId('add-repository-confirm')).toHaveAttribute('aria-disabled', 'true')
  }
  await field.fill(small.path)
  await expect(refused).toBeHidden()
  await expect(page.getByTestId('add-repository-dialog')).toContainText('main')
  await field.press('Enter')
  await expect(page.getByTestId('toast').first()).toContainText('Größe & Co (日本)')
  const all: { path: string }[] = await box.json('repo', 'ls')
  expect(all.map((repo) => repo.path)).toEqual([small.path])
})

test('agents that are missing, end at once or lose their worktree say so in their tile', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  // Longer than one word of a command line may be.
  await writeFile(join(box.root, 'brief.md'), 'Do it. '.repeat(30_000))
  const fire = (title: string, command: string) =>
    box.json(
      'fire',
      ...['--repo', repo.path, '--title', title, '--brief-file', 'brief.md', '--agent', 'shell'],
      ...['--attempts', '1', '--command', command],
    )
  await fire('Missing program', 'no-such-program-anywhere {prompt_file}')
  await fire('Ends at once', 'exit 3')
  const go = join(box.root, 'go')
  const lost = await fire('Loses its worktree', `until [ -e '${go}' ]; do sleep 0.1; done`)

  await taskRows(page).filter({ hasText: 'Missing program' }).click()
  await expectStatus(page, 1, 'failed')
  await expect(tile(page, 1)).toContainText(/127|not found/)
  await taskRows(page).filter({ hasText: 'Ends at once' }).click()
  await expectStatus(page, 1, 'failed')
  await expect(tile(page, 1)).toContainText('3')

  await taskRows(page).filter({ hasText: 'Loses its worktree' }).click()
  await expectStatus(page, 1, 'running')
  await rm(lost.attempts[0].worktree, { recursive: true })
  await writeFile(go, '')
  await expectStatus(page, 1, /lost|failed/)
  await expect(tile(page, 1)).toContainText(/worktree/i)
})

test('an attempt whose agent never ran says why, and what can be done about it', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await repo.write('WORKFLOW.md', '---\nhooks:\n  after_create: test -e ../mended || exit 7\n---\n')
  await repo.commit('Set up by a hook')
  await box.json('repo', 'add', repo.path, '--trust')
  const fire = (title: string, agent: string) =>
    box.json(
      'fire',
      '--repo',
      repo.path,
      '--title',
      title,
      '--brief',
      title,
      '--agent',
      agent,
      '--attempts',
      '1',
    )

  const hooked = await fire('Its hook fails', 'rehearsal')
  await taskRows(page).filter({ hasText: 'Its hook fails' }).click()
  await expectStatus(page, 1, 'failed')
  const told = page.getByTestId('never-ran-1')
  await expect(told).toContainText('A hook of the workflow failed')
  await expect(told).toContainText('after_create ended with code 7')
  await told.getByRole('button', { name: 'Open the workflow' }).click()
  await expect(page.getByTestId('workflow')).toContainText('WORKFLOW.md')
  await taskRows(page).filter({ hasText: 'Its hook fails' }).click()
  // Mended, it is prepared from the beginning, and its agent runs.
  await writeFile(join(hooked.attempts[0].worktree, '..', 'mended'), '')
  await told.getByRole('button', { name: 'Restart' }).click()
  await expectStatus(page, 1, 'ready')

  await fire('Its agent is missing', 'claude')
  await taskRows(page).filter({ hasText: 'Its agent is missing' }).click()
  await expectStatus(page, 1, 'failed')
  await expect(told).toContainText('Its agent is missing')
  await expect(told).toContainText('“claude” is not on the PATH of your login shell')
  await told.getByRole('button', { name: 'Open the doctor' }).click()
  await expect(page.getByRole('main', { name: 'Settings' })).toContainText('Claude Code')
  await taskRows(page).filter({ hasText: 'Its agent is missing' }).click()
  await page.getByTestId('verdict-trash-1').click()
  await page.getByTestId('trash-confirm').click()
  await expect(told).toContainText('Trashed before its agent ran')
})

test('a repository that is gone is a sentence, and comes back', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await box.json('repo', 'add', repo.path)
  await expect(page.getByTestId('new-task')).toBeVisible()
  await rename(repo.path, `${repo.path}-moved`)
  await page.keyboard.press('n')
  await page.getByTestId('composer-brief').fill('Anything')
  await expect(page.getByTestId('composer-preview')).toContainText(/gone|not there any more/i)
  await page.keyboard.press('Control+Enter')
  await expect(page.getByTestId('toast').first()).toContainText(/gone|not there any more/i)
  expect(await box.json('ls', 'tasks', '--all')).toEqual([])
  await rename(`${repo.path}-moved`, repo.path)
  await page.keyboard.press('Control+Enter')
  await expect(taskRows(page)).toHaveCount(1)
})
