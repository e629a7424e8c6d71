import type { Page } from '@playwright/test'
import { interleave, pause } from '../lib/measure.ts'
import { quantile } from '../lib/stats.ts'
import { atMost, type Bench } from '../lib/types.ts'
import { Browser, ControlRoom } from '../subjects/control-room.ts'
import { Loads } from '../subjects/loads.ts'

const AGENTS = 16

declare global {
  interface Window {
    /** Resolves with ms from the next key to the frame that shows it. */
    benchNextKey?: () => void
    benchKey?: Promise<number>
  }
}

/** Makes the page stamp the key's own time and the end of the frame in which the rows have changed. */
async function watchKeys(page: Page): Promise<void> {
  await page.evaluate(() => {
    const rows = document.querySelector('[data-testid="tile-terminal-1"] .xterm-rows')
    if (!rows) throw new Error('There is no terminal.')
    // Only this terminal's program writes here, and only what is typed: any other text is the echo.
    const shown = () => rows.textContent
    let pressedAt = 0
    window.addEventListener(
      'keydown',
      (event) => {
        pressedAt = event.timeStamp
      },
      { capture: true },
    )
    window.benchNextKey = () => {
      const before = shown()
      window.benchKey = new Promise((resolve) => {
        const painted = new MessageChannel()
        // The rows change in an animation frame; this message comes when that frame has been painted.
        painted.port1.onmessage = () => resolve(performance.now() - pressedAt)
        const observer = new MutationObserver(() => {
          if (shown() === before) return
          observer.disconnect()
          painted.port2.postMessage(null)
        })
        observer.observe(rows, { subtree: true, childList: true, characterData: true })
      })
    }
  })
}

async function pressKeys(page: Page, count: number): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < count; i++) {
    await page.evaluate(() => window.benchNextKey?.())
    await page.keyboard.press('abcdefghijkmnopqrstuvwxyz'[i % 25]!)
    times.push(await page.evaluate(() => window.benchKey ?? Promise.reject(new Error('no key is awaited'))))
    // Not in step with the frames.
    await pause(10 + ((i * 7) % 17))
  }
  return times
}

/** From a key in the browser to the frame that shows it, through web host, core, pty-host, program and back. */
export const keyToFrame: Bench = {
  name: 'key-to-frame',
  goals: ['P3c'],
  deadline: [180, 240],
  async run(context) {
    const { tools } = context
    if (!tools.load || !tools.chromium) {
      const why = tools.chromium ? 'no C compiler' : 'no Chromium'
      context.missing({ goal: 'P3c', what: 'Key → painted frame', why })
      return
    }
    const room = await ControlRoom.start(context, 'room')
    const loads = await Loads.prepare(context, 'loads')
    const busy = (count: number) => Array.from({ length: count }, () => loads.paint(50_000))
    const seen = await room.fire('Typed into', ['stty raw -echo; exec cat', ...busy(7)])
    await room.fire('Behind it', busy(8))
    await room.fire('One more', busy(1))
    await loads.ready(AGENTS)
    const browser = await Browser.start(context, 'keys')
    const page = await browser.open(room, seen)
    await page.getByTestId('tile-terminal-1').click()
    await pause(2_000)
    await watchKeys(page)
    const count = context.small ? 10 : 60
    await pressKeys(page, 5)
    const { reference, subject } = await interleave(
      context.rounds,
      () => pressKeys(page, count),
      async () => {
        loads.on()
        await pause(700)
        const times = await pressKeys(page, count)
        loads.off()
        await pause(700)
        return times
      },
    )
    const shared = {
      goal: 'P3c',
      unit: 'ms',
      reference: 'the same with 16 quiet agents',
      ifMissed:
        'Other tiles wait for the echo; what is left is the wait for a core that agents, core and pty-host use as well.',
      subject: '16 agents paint 50 kB/s each, 7 of them beside it on screen',
      proof: `every one of ${count * context.rounds} keys was seen in the rows of its tile, each side`,
    } as const
    context.add({
      ...shared,
      what: 'Key → painted frame, p99',
      referenceSamples: reference.map((times) => quantile(times, 0.99)),
      subjectSamples: subject.map((times) => quantile(times, 0.99)),
      ratio: atMost(1.25),
      absolute: atMost(50),
      note: 'From the key event’s own time stamp to the end of the frame in which the character was drawn; putting it on glass is not in it.',
    })
    context.add({
      ...shared,
      what: 'Key → painted frame, median',
      referenceSamples: reference.map((times) => quantile(times, 0.5)),
      subjectSamples: subject.map((times) => quantile(times, 0.5)),
      ratio: null,
      absolute: null,
    })
  },
}
