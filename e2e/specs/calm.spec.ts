import { join } from 'node:path'
import { expect, test } from '../fixtures/host.ts'
import { smallRepo } from '../fixtures/repo.ts'
import { expectStatus, taskRows, terminal, tile } from '../fixtures/window.ts'

const SECOND_MS = 1_000

test('clocks say minutes, and a tile at rest does not change in between', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await box.json(
    'fire',
    ...['--repo', repo.path, '--title', 'Rest', '--brief', 'Rest', '--agent', 'shell', '--attempts', '2'],
    ...['--command', 'echo at rest; exec sleep 3600'],
  )
  await taskRows(page).first().click()
  for (const n of [1, 2]) {
    await expectStatus(page, n, 'running')
    await expect(terminal(page, n)).toContainText('at rest')
  }
  const attempts: { startedAt: number }[] = await box.json('ls', 'attempts')
  const starts = attempts.map(({ startedAt }) => startedAt)
  // The page's own time from here on, well before the start: however long loading takes, no minute is over by then.
  await page.clock.install({ time: Math.max(...starts) - 600 * SECOND_MS })
  await page.reload()
  for (const n of [1, 2]) {
    await expect(terminal(page, n)).toContainText('at rest')
    await expect(tile(page, n).locator('.tile-time')).toHaveText('< 1 min')
    // What just changed needs no clock.
    await expect(tile(page, n).locator('.tile-age')).toHaveCount(0)
  }
  // Where the status is known from, and the exact moments, are asked for with the pointer.
  await expect(tile(page, 1).locator('.tile-status')).toHaveAttribute(
    'title',
    /^Known from the agent’s process, since .*\d+:\d\d:\d\d/,
  )
  await expect(tile(page, 1).locator('.tile-time')).toHaveAttribute('title', /\d+:\d\d:\d\d/)

  await page.clock.pauseAt(Math.max(...starts) + 40 * SECOND_MS)
  await page.evaluate(() => {
    const changed: string[] = []
    Object.assign(window, { changed })
    const watch = { subtree: true, childList: true, characterData: true, attributes: true }
    for (const one of document.querySelectorAll('[data-testid^="tile-"][data-status]'))
      new MutationObserver((records) =>
        changed.push(...records.map(({ target }) => target.textContent ?? '')),
      ).observe(one, watch)
  })
  await page.clock.runFor(15 * SECOND_MS)
  expect(await page.evaluate(() => Reflect.get(window, 'changed'))).toEqual([])
  await page.clock.runFor(30 * SECOND_MS)
  for (const n of [1, 2]) await expect(tile(page, n).locator('.tile-time')).toHaveText('1 min')
  const changed = await page.evaluate(() => Reflect.get(window, 'changed'))
  expect(changed).toContain('1 min')
})

test('what another tile writes while one types waits, and is all there afterwards', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  const counting = 'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; done; echo the end'
  await box.json(
    'fire',
    ...['--repo', repo.path, '--title', 'Both', '--brief', 'Write', '--agent', 'shell', '--attempts', '2'],
    // Each waits for its own first line: the second begins when the first is being typed into.
    ...['--command', `stty -echo; read first; if [ "$first" = go ]; then ${counting}; else exec cat; fi`],
  )
  await taskRows(page).first().click()
  for (const n of [1, 2]) await expectStatus(page, n, 'running')
  await page.getByTestId('tile-terminal-2').click()
  await page.keyboard.type('go\n')
  await page.getByTestId('tile-terminal-1').click()
  await expect(tile(page, 1)).toHaveAttribute('data-focused', 'true')
  await page.keyboard.type('stay\n')
  const text = 'the quick brown fox jumps over the lazy dog'
  for (const word of text.split(' ')) {
    await page.keyboard.type(`${word}\n`)
    await expect(terminal(page, 1)).toContainText(word)
  }
  await expect(terminal(page, 2)).toContainText('line 4000')
  await expect(terminal(page, 2)).toContainText('the end')
})
