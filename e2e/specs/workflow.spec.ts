import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Locator, Page } from '@playwright/test'
import { expect, test } from '../fixtures/host.ts'
import { repoWithTests, smallRepo } from '../fixtures/repo.ts'
import { expectStatus, taskRows, tile } from '../fixtures/window.ts'

/** The settings' page about the workflow file, opened as a person does: by the palette. */
async function openWorkflow(page: Page): Promise<Locator> {
  await page.keyboard.press('Control+Shift+K')
  await page.getByRole('combobox').fill('workflow')
  await page.keyboard.press('Enter')
  return page.getByTestId('workflow')
}

/** The row of a setting that is in force. */
const setting = (workflow: Locator, key: string) =>
  workflow.locator('tr').filter({ has: workflow.page().locator('code', { hasText: new RegExp(`^${key}$`) }) })

test('a workflow file is proposed from what the repository has, and written as it stands in the dialog', async ({
  host,
}) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await repo.write(
    'package.json',
    JSON.stringify({ scripts: { lint: 'eslint .', test: 'node --test' }, devDependencies: { eslint: '1' } }),
  )
  await repo.write('package-lock.json', '{}')
  await repo.write('.env', 'A=1\n')
  await repo.commit('Have scripts')
  await box.json('repo', 'add', repo.path)
  const file = join(repo.path, 'WORKFLOW.md')
  const onDisk = () => readFile(file, 'utf8').catch(() => null)

  const workflow = await openWorkflow(page)
  await expect(workflow).toHaveAttribute('data-state', 'absent')
  await workflow.getByTestId('workflow-draft').click()
  const dialog = page.getByTestId('workflow-dialog')
  const text = dialog.getByLabel('The file')
  await expect(dialog).toContainText('2 scripts taken as checks, run with npm')
  await expect(dialog).toContainText('There is an .env file')
  await expect(text).toHaveValue(
    /name: "lint"\n {4}run: "npm run lint"[\s\S]*name: "tests"\n {4}run: "npm test"/,
  )
  await expect(text).toHaveValue(/after_create: \|\n {4}npm ci/)
  const proposed = await text.inputValue()

  // What cannot be read is not written, and is said with its place.
  await text.fill(proposed.replace('count: 4', 'count: many'))
  await dialog.getByTestId('workflow-write').click()
  await expect(dialog.getByRole('alert')).toHaveText(
    /^WORKFLOW\.md line \d+: attempts\.count: must be a (whole )?number, not text$/,
  )
  expect(await onDisk()).toBeNull()
  await text.fill('')
  await expect(dialog.getByTestId('workflow-write')).toHaveAttribute('aria-disabled', 'true')

  // Somebody else was faster: their file stays as it is.
  await text.fill(proposed)
  await writeFile(file, 'Theirs: {{ issue.description }}\n')
  await dialog.getByTestId('workflow-write').click()
  await expect(dialog.getByRole('alert')).toContainText('it is there by now')
  expect(await onDisk()).toBe('Theirs: {{ issue.description }}\n')
  await page.keyboard.press('Escape')
  await expect(dialog).toBeHidden()
  await expect(workflow).toHaveAttribute('data-state', 'ok')
  await expect(workflow).toContainText('Theirs:')
  await expect(workflow.getByTestId('workflow-draft')).toBeHidden()

  await repo.git('clean', '-fdq', '--', 'WORKFLOW.md')
  await expect(workflow).toHaveAttribute('data-state', 'absent')
  await workflow.getByTestId('workflow-draft').click()
  const changed = proposed.replace('count: 4', 'count: 3')
  await text.fill(changed)
  await dialog.getByTestId('workflow-write').click()
  await expect(dialog).toBeHidden()
  await expect(page.getByTestId('toast').first()).toContainText('WORKFLOW.md is written')
  expect(await onDisk()).toBe(changed)
  await expect(workflow).toHaveAttribute('data-state', 'ok')
  await expect(setting(workflow, 'attempts.count')).toContainText(/3\s*WORKFLOW\.md:\d+/)

  // Its commands wait for a yes to exactly these.
  const trust = workflow.getByTestId('trust')
  await expect(trust).toHaveAttribute('data-trusted', 'false')
  for (const command of ['npm ci', 'npm run lint', 'npm test']) await expect(trust).toContainText(command)
  // Changed behind the back of who says yes: the core is held still, so that the window cannot know yet.
  process.kill(host.pid, 'SIGSTOP')
  try {
    await writeFile(file, changed.replace('npm run lint', 'npm run evil'))
    await trust.getByTestId('trust-yes').click()
  } finally {
    process.kill(host.pid, 'SIGCONT')
  }
  await expect(page.getByTestId('toast').filter({ hasText: 'changed since they were shown' })).toBeVisible()
  await expect(trust).toContainText('npm run evil')
  await expect(trust).toHaveAttribute('data-trusted', 'false')
  await writeFile(file, changed)
  await expect(trust).not.toContainText('npm run evil')
  await trust.getByTestId('trust-yes').click()
  await expect(trust).toHaveAttribute('data-trusted', 'true')
  await expect(workflow.getByLabel('Commands you consented to')).toContainText('npm run lint')
})

test('an error in the workflow file is said with its place, and what it last held goes on to apply', async ({
  host,
}) => {
  const { box } = host
  const repo = await repoWithTests(join(box.repos, 'small'), box.home)
  const good = await readFile(join(repo.path, 'WORKFLOW.md'), 'utf8')
  await box.json('repo', 'add', repo.path, '--trust')
  const go = join(box.root, 'go')
  const fire = [
    ...['fire', '--repo', repo.path, '--brief', 'Add a file', '--agent', 'shell', '--attempts', '1'],
    ...[
      '--command',
      `until [ -e '${go}' ]; do sleep 0.1; done; echo a > a.txt; git add -A; git commit -qm 'Add a'`,
    ],
  ]
  await box.json(...fire)
  await taskRows(host.page).first().click()
  await expectStatus(host.page, 1, 'running')

  let workflow = await openWorkflow(host.page)
  await expect(workflow).toHaveAttribute('data-state', 'ok')
  await repo.write(
    'WORKFLOW.md',
    '---\nverify:\n  - name: test\nattempts:\n  count: many\n---\n\n{{ issue.description }}\n',
  )
  const saysSo = async () => {
    await expect(workflow).toHaveAttribute('data-state', 'invalid')
    const problems = workflow.getByTestId('workflow-problems').getByRole('listitem')
    await expect(problems).toHaveText([
      /^line 3\s*verify\[0\]\.run\s*is missing: text$/,
      /^line 5\s*attempts\.count\s*must be a (whole )?number, not text$/,
    ])
    await expect(workflow).toContainText('What it last held validly goes on to apply')
    await expect(setting(workflow, 'verify')).toContainText('node --test')
  }
  await saysSo()
  const refused = await box.cli(...fire)
  expect(refused.code).toBe(1)
  expect(refused.stderr).toMatch(
    /^quartet: WORKFLOW\.md line 3: verify\[0\]\.run: is missing: text \(and 1 more\)\n/,
  )

  // Also for a core that never saw the file as it was.
  await host.kill9()
  workflow = await openWorkflow(host.page)
  await saysSo()
  await host.page.keyboard.press('Escape')

  // The attempt at work is held to the checks that it began with.
  await writeFile(go, '')
  await taskRows(host.page).first().click()
  await expectStatus(host.page, 1, 'ready')
  await expect(tile(host.page, 1)).toContainText('1/1')

  await repo.write('WORKFLOW.md', good)
  workflow = await openWorkflow(host.page)
  await expect(workflow).toHaveAttribute('data-state', 'ok')
  await box.json(...fire)
})
