import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { installFakeClaude } from '../fixtures/fake-claude.ts'
import { expect, test } from '../fixtures/host.ts'
import { smallRepo } from '../fixtures/repo.ts'
import type { Sandbox } from '../fixtures/sandbox.ts'
import { expectStatus, taskRows, tile } from '../fixtures/window.ts'

interface Box {
  x: number
  y: number
  width: number
  height: number
}

const SIZES = [
  { width: 1280, height: 800 },
  { width: 2560, height: 1440 },
]

/** Half a pixel: what rounding may cost. */
const SLACK = 0.5

const overlaps = (a: Box, b: Box) =>
  a.x + a.width > b.x + SLACK &&
  b.x + b.width > a.x + SLACK &&
  a.y + a.height > b.y + SLACK &&
  b.y + b.height > a.y + SLACK

const inside = (inner: Box, outer: Box) =>
  inner.x >= outer.x - SLACK &&
  inner.y >= outer.y - SLACK &&
  inner.x + inner.width <= outer.x + outer.width + SLACK &&
  inner.y + inner.height <= outer.y + outer.height + SLACK

/** Where elements lie, by test id, all seen at one moment. */
async function boxesOf(page: Page, testIds: readonly string[]): Promise<Map<string, Box>> {
  const found = await page.evaluate(
    (ids) =>
      ids.flatMap((id) => {
        const rect = document.querySelector(`[data-testid="${id}"]`)?.getBoundingClientRect()
        return rect ? [[id, { x: rect.x, y: rect.y, width: rect.width, height: rect.height }] as const] : []
      }),
    testIds,
  )
  return new Map(found)
}

async function boxOf(page: Page, testId: string): Promise<Box> {
  const box = (await boxesOf(page, [testId])).get(testId)
  if (!box) throw new Error(`${testId} is not shown`)
  return box
}

async function fireShells(sandbox: Sandbox, repo: string, count: number): Promise<void> {
  await sandbox.json(
    'fire',
    ...['--repo', repo, '--title', `Tiles ${count}`, '--brief', 'Show tiles', '--agent', 'shell'],
    ...['--attempts', String(count), '--command', 'echo here I am; git commit -q --allow-empty -m done'],
  )
}

test('one to eight tiles fill the window without overlapping or being cut', async ({ host }) => {
  // Thirty-six attempts.
  test.slow()
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  const counts = [1, 2, 3, 4, 5, 6, 7, 8]
  for (const count of counts) await fireShells(box, repo.path, count)
  for (const count of counts) {
    await taskRows(page)
      .filter({ hasText: `Tiles ${count}` })
      .click()
    for (let n = 1; n <= count; n++) await expectStatus(page, n, /ready|failed/)
    for (const size of SIZES) {
      await page.setViewportSize(size)
      await expect(async () => expectLaidOut(page, count, size)).toPass({ timeout: 15_000 })
    }
  }
})

async function expectLaidOut(page: Page, count: number, size: { width: number; height: number }) {
  const where = `${count} tiles at ${size.width}×${size.height}`
  const numbers = Array.from({ length: count }, (_, i) => i + 1)
  const parts = (n: number) => [`tile-terminal-${n}`, `verdict-mergeable-${n}`, `verdict-trash-${n}`]
  const boxes = await boxesOf(
    page,
    numbers.flatMap((n) => [`tile-${n}`, ...parts(n)]),
  )
  const at = (id: string) => {
    const box = boxes.get(id)
    if (!box) throw new Error(`${where}: ${id} is not shown`)
    return box
  }
  for (const n of numbers) {
    const one = at(`tile-${n}`)
    expect(inside(one, { x: 0, y: 0, ...size }), `${where}: tile ${n} is within the window`).toBe(true)
    expect(one.width, `${where}: width of tile ${n}`).toBeGreaterThan(200)
    expect(one.height, `${where}: height of tile ${n}`).toBeGreaterThan(120)
    for (const other of numbers.filter((m) => m > n))
      expect(overlaps(one, at(`tile-${other}`)), `${where}: tiles ${n} and ${other} overlap`).toBe(false)
    for (const part of parts(n))
      expect(inside(at(part), one), `${where}: ${part} is within its tile`).toBe(true)
  }
  // The page itself never scrolls: everything has its place.
  const scrolls = await page.evaluate(() => {
    const { scrollWidth, clientWidth, scrollHeight, clientHeight } = document.documentElement
    return [scrollWidth - clientWidth, scrollHeight - clientHeight]
  })
  expect(scrolls, `${where}: the page scrolls`).toEqual([0, 0])
}

test('a tile zooms and comes back, and sizes are remembered', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await fireShells(box, repo.path, 4)
  await taskRows(page).first().click()
  await expectStatus(page, 4, /ready|failed/)
  const before = await boxOf(page, 'tile-2')
  await page.keyboard.press('2')
  await page.keyboard.press('z')
  await expect(tile(page, 1)).toBeHidden()
  const zoomed = await boxOf(page, 'tile-2')
  expect(zoomed.width).toBeGreaterThan(before.width * 1.5)
  await page.keyboard.press('z')
  await expect(tile(page, 1)).toBeVisible()
  await expect
    .poll(async () => Math.round((await boxOf(page, 'tile-2')).width))
    .toBe(Math.round(before.width))

  // Drag the line between the first two tiles, then come back another day.
  const [one, two] = [await boxOf(page, 'tile-1'), await boxOf(page, 'tile-2')]
  const x = (one.x + one.width + two.x) / 2
  const y = one.y + one.height / 2
  await page.mouse.move(x, y)
  await page.mouse.down()
  await page.mouse.move(x - 100, y, { steps: 10 })
  await page.mouse.up()
  const dragged = (await boxOf(page, 'tile-1')).width
  expect(dragged).toBeLessThan(one.width - 60)
  await page.reload()
  await expect(tile(page, 1)).toBeVisible()
  await expect.poll(async () => Math.abs((await boxOf(page, 'tile-1')).width - dragged)).toBeLessThan(4)
})

test('the evidence has as much room as the window can spare, until its line is dragged', async ({ host }) => {
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await fireShells(box, repo.path, 1)
  await taskRows(page).first().click()
  const rail = page.getByRole('complementary', { name: 'Evidence' })
  const width = () => rail.evaluate((element) => Math.round(element.getBoundingClientRect().width))
  await page.setViewportSize({ width: 1280, height: 800 })
  await expect.poll(width).toBe(280)
  await page.setViewportSize({ width: 2560, height: 1440 })
  await expect.poll(width).toBe(440)
  await page.setViewportSize({ width: 1280, height: 800 })
  await expect.poll(width).toBe(280)

  const { x, y, height } = (await rail.boundingBox()) ?? { x: 0, y: 0, height: 0 }
  await page.mouse.move(x - 1, y + height / 2)
  await page.mouse.down()
  await page.mouse.move(x - 41, y + height / 2, { steps: 8 })
  await page.mouse.up()
  await expect.poll(width).toBeGreaterThan(310)
  const dragged = await width()
  await page.setViewportSize({ width: 2560, height: 1440 })
  await page.reload()
  await expect.poll(width).toBe(dragged)
})

test('eight agents in the smallest window: names are whole, a question leaves its terminal, nothing is landed that is nothing', async ({
  host,
}) => {
  test.slow()
  const { page, box } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await page.setViewportSize({ width: 1280, height: 800 })
  await box.json(
    'fire',
    ...[
      '--repo',
      repo.path,
      '--title',
      'Low',
      '--brief',
      'Note the sum',
      '--agent',
      'rehearsal',
      '--attempts',
      '8',
    ],
    ...['--scenario', 'question,crash'],
  )
  await taskRows(page).first().click()
  await expectStatus(page, 7, 'waiting')
  await expectStatus(page, 8, 'failed')

  for (let n = 1; n <= 8; n++) {
    const cut = await tile(page, n)
      .locator('.tile-agent')
      .evaluate((name) => name.scrollWidth - name.clientWidth)
    expect(cut, `px that are cut from the name of tile ${n}`).toBeLessThanOrEqual(0)
  }
  // Four lines of twenty pixels are the least that a program is given; all of them must be in view.
  await expect(async () => expect((await boxOf(page, 'tile-terminal-7')).height).toBeGreaterThan(80)).toPass()
  expect(inside(await boxOf(page, 'answer-7'), await boxOf(page, 'tile-7'))).toBe(true)
  await page.getByTestId('answer-7').fill('yes')
  await page.keyboard.press('Enter')
  await expectStatus(page, 7, /running|finished|verifying|ready/)

  const mergeable = page.getByTestId('verdict-mergeable-8')
  await expect(mergeable).toHaveAttribute('aria-disabled', 'true')
  await mergeable.hover()
  await expect(page.getByRole('tooltip')).toContainText('changed nothing')
})

test('a question with offered answers can be answered in own words, also in a low tile', async ({ host }) => {
  const { box } = host
  await installFakeClaude(box)
  await host.restart()
  const { page } = host
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  await page.setViewportSize({ width: 1280, height: 800 })
  const fired: { attempts: { n: number; worktree: string }[] } = await box.json(
    'fire',
    ...['--repo', repo.path, '--title', 'Choose', '--brief', 'fake:choice', '--agent', 'claude'],
    ...['--attempts', '8'],
  )
  await taskRows(page).first().click()
  await expectStatus(page, 2, 'waiting')
  const offered = tile(page, 2).getByRole('button', { name: 'One in memory' })
  await expect(offered).toBeVisible()
  await expect(page.getByTestId('answer-2')).toBeHidden()

  const own = page.getByTestId('answer-own-2')
  expect(inside(await boxOf(page, 'answer-own-2'), await boxOf(page, 'tile-2'))).toBe(true)
  await own.click()
  await expect(page.getByTestId('answer-2')).toBeFocused()
  await expect(offered).toBeHidden()
  await tile(page, 2).getByRole('button', { name: 'Back to the offered answers' }).click()
  await expect(offered).toBeVisible()

  await own.click()
  await page.keyboard.type('One file per test')
  // What the terminal shows stays in view.
  expect((await boxOf(page, 'tile-terminal-2')).height).toBeGreaterThan(80)
  expect(inside(await boxOf(page, 'answer-2'), await boxOf(page, 'tile-2'))).toBe(true)
  await page.keyboard.press('Enter')
  await expectStatus(page, 2, /running|finished|verifying|reviewing|ready/)
  const { worktree } = fired.attempts.find((attempt) => attempt.n === 2) ?? { worktree: '' }
  await expect
    .poll(() => readFile(`${worktree}.notes`, 'utf8').catch(() => ''))
    .toContain('chose One file per test')
})
