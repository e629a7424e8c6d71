import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { plainGitEnv } from '../lib/big-repo.ts'
import { exec, interleave, pause, until } from '../lib/measure.ts'
import { atLeast, atMost, type Bench } from '../lib/types.ts'
import { Browser, ControlRoom, watchFrames } from '../subjects/control-room.ts'

const FILES = 400
const LINES = 20_000

declare global {
  interface Window {
    /** What scrolls the lines of the diff. */
    benchScroller?: Element
    /** Ms from the next key to the diff, see `openDiff`. */
    benchDiff?: Promise<number>
  }
}

/** Presses the key of the diff; ms from the key to the frame in which all files are counted and the first of list and lines are there. */
async function openDiff(page: Page): Promise<number> {
  await page.evaluate((files) => {
    window.benchDiff = new Promise<number>((resolve) => {
      const onKey = (event: KeyboardEvent) => {
        const pressedAt = event.timeStamp
        const look = () => {
          const summed = document
            .querySelector('[data-testid="diff"]')
            ?.textContent?.includes(`${files} files`)
          const listed = document.querySelectorAll('[data-testid="diff"] .diff-file').length
          const drawn = document.querySelectorAll('[data-testid="diff"] .patch-row').length
          // The frame after the one in which all was found: it is painted by then.
          if (summed && listed > 10 && drawn > 20)
            requestAnimationFrame(() => resolve(performance.now() - pressedAt))
          else requestAnimationFrame(look)
        }
        look()
      }
      window.addEventListener('keydown', onKey, { capture: true, once: true })
    })
  }, FILES)
  await page.keyboard.press('d')
  return await page.evaluate(() => window.benchDiff ?? Promise.reject(new Error('no diff is awaited')))
}

/** Finds what scrolls the lines; gives the height of all of them in px. */
async function findScroller(page: Page): Promise<number> {
  return await page.evaluate(() => {
    let at = document.querySelector('[data-testid="diff"] .patch-row')?.parentElement ?? null
    while (at && !(at.scrollHeight > at.clientHeight && /auto|scroll/.test(getComputedStyle(at).overflowY))) {
      at = at.parentElement
    }
    if (!at) throw new Error('Nothing scrolls the diff.')
    window.benchScroller = at
    return at.scrollHeight
  })
}

/** Scrolls the diff by a screenful every few frames while the frames are watched; gives frames a second. */
async function scrollRate(page: Page, ms: number): Promise<{ fps: number; to: number }> {
  await page.evaluate((span) => {
    const box = window.benchScroller
    if (!box) throw new Error('There is no diff.')
    box.scrollTop = 0
    const begin = performance.now()
    const step = (now: number) => {
      box.scrollTop += 120
      if (now - begin < span) requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  }, ms)
  const rate = await restRate(page, ms)
  const to = await page.evaluate(() => window.benchScroller?.scrollTop ?? 0)
  return { fps: rate, to }
}

async function restRate(page: Page, ms: number): Promise<number> {
  const { intervals } = await watchFrames(page, ms)
  return (intervals.length / intervals.reduce((a, b) => a + b, 0)) * 1_000
}

/** A large change: 20,000 lines over 400 files. */
export const diff: Bench = {
  name: 'diff',
  goals: ['diff'],
  deadline: [150, 150],
  async run(context) {
    if (!context.tools.chromium) {
      context.missing({ goal: 'diff', what: 'A diff of 20,000 lines', why: 'no Chromium' })
      return
    }
    const room = await ControlRoom.start(context, 'room')
    const script = join(context.dir, 'change.mjs')
    await writeFile(
      script,
      `import { appendFileSync } from 'node:fs'
for (let i = 0; i < ${FILES}; i++)
  appendFileSync('src/file-' + i + '.ts', Array.from({ length: ${LINES / FILES} }, (_, n) => 'export const added' + n + ' = "a line that an agent wrote, of ordinary length"\\n').join(''))
`,
    )
    const task = await room.fire('Large change', [
      `${context.tools.node} ${script} && git add -A && git commit -q -m change`,
    ])
    const id = task.attempts[0]!.id
    const attempt = await until('the attempt has come to its end', async () => {
      const now = await room.client.attempts.get({ id })
      return now.status === 'ready' || now.status === 'failed' ? now : null
    })
    if (attempt.status !== 'ready' || !attempt.headSha) throw new Error(`the attempt is ${attempt.status}`)
    const env = plainGitEnv(context.dir)
    const range = `${attempt.baseSha}..${attempt.headSha}`
    const browser = await Browser.start(context, 'diff')
    const page = await browser.open(room, task)
    await openDiff(page)
    const { reference, subject } = await interleave(
      context.rounds,
      async () => {
        const begin = performance.now()
        const patch = await exec('git', ['-C', room.repo, 'diff', range], { env })
        const took = performance.now() - begin
        const added = patch
          .split('\n')
          .filter((line) => line.startsWith('+') && !line.startsWith('+++')).length
        if (added !== LINES) throw new Error(`${added} lines were added`)
        return took
      },
      async () => {
        await page.keyboard.press('w')
        await page.getByTestId('diff').waitFor({ state: 'detached' })
        await pause(300)
        return await openDiff(page)
      },
    )
    const height = await findScroller(page)
    if (height < LINES * 10) throw new Error(`the diff is only ${height} px high`)
    context.add({
      goal: 'diff',
      what: `A diff of ${LINES} lines over ${FILES} files opens`,
      unit: 'ms',
      reference: 'bare git diff of the same commits',
      subject: 'key → number of files, file list and first lines painted',
      referenceSamples: reference,
      subjectSamples: subject,
      ratio: null,
      absolute: atMost(1_000),
      proof: `${LINES} added lines by git’s count, ${FILES} files counted on screen, ${height} px of lines`,
    })
    const spanMs = context.small ? 500 : 2_000
    const scrolls = await interleave(
      context.rounds,
      () => restRate(page, spanMs),
      () => scrollRate(page, spanMs),
    )
    if (scrolls.subject.some(({ to }) => to < 500)) throw new Error('the diff did not scroll')
    context.add({
      goal: 'diff',
      what: 'That diff is scrolled, 120 px a frame',
      unit: 'fps',
      reference: 'the same window at rest',
      subject: 'frames a second while it scrolls',
      referenceSamples: scrolls.reference,
      subjectSamples: scrolls.subject.map(({ fps }) => fps),
      ratio: atLeast(0.95),
      absolute: atLeast(57),
      proof: `scrolled to ${Math.round(Math.min(...scrolls.subject.map(({ to }) => to)))} px and further`,
    })
  },
}
