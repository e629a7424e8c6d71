import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Random } from '../../pty-protocol/test-random.ts'

/**
 * A program whose every byte follows from what was typed into it and from the sizes it was given, in that order, and from
 * nothing else: one keystroke lost or doubled changes all that comes after. Its title says how far it is.
 *
 *     t K TEXT     draws something, then is called “did K”
 *     s K C R      is called “wants K”, chatters on the alternate screen until it is C×R, draws that, then “did K”
 *     q            ends with a code that follows from all it read
 */
let state = Buffer.alloc(32)
const size = () => ({ cols: process.stdout.columns, rows: process.stdout.rows })
const nap = (ms: number) => new Promise<void>((done) => setTimeout(done, ms))

const WORDS = ['fix', 'the', 'flaky', 'login', 'テスト', '修正', '👩‍👩‍👧', '🇩🇪', 'e\u0301', 'ค้ำ', '└──', 'ok']
const LINE_END = '\r\n'

function drawing(random: Random, cols: number, rows: number): string {
  const words = (most: number) =>
    Array.from({ length: random.between(1, most) }, () => random.pick(WORDS)).join(' ')
  const place = () => `\u001b[${random.between(1, rows)};${random.between(1, cols)}H`
  switch (random.upTo(14)) {
    case 0:
      return `\u001b[38;5;${random.upTo(256)}m${words(12)}\u001b[0m${LINE_END}`
    case 1:
      return `\u001b[1;3;48;2;${random.upTo(256)};20;30m${words(6)}\u001b[K\u001b[m${LINE_END}`
    case 2:
      return `${words(60)}${LINE_END}`
    case 3:
      return `${place()}${words(3)}`
    case 4:
      return `${place()}\u001b[${random.upTo(3)}${random.pick(['K', 'J'])}`
    case 5:
      return `\u001b[2;${rows - 1}r\u001b[${rows - 1};1H${`\n${words(3)}`.repeat(4)}\u001b[r\u001b[${rows};1H${LINE_END}`
    case 6:
      return `${place()}\u001b[${random.between(1, 4)}${random.pick(['L', 'M', '@', 'P', 'X', 'b'])}`
    case 7:
      return `\u001b[?1049h\u001b[2J${place()}${words(8)}${place()}\u001b[7m${words(2)}\u001b[0m\u001b[?1049l`
    case 8:
      // Not 7: at a border that does not wrap, xterm.js draws a character of several code points by how its bytes were cut.
      return `\u001b[?${random.pick([25, 1000, 1004, 1006, 2004])}${random.pick(['h', 'l'])}`
    case 9:
      return `\u001b[${random.upTo(7)} q\t${words(2)}\t${words(2)}${LINE_END}`
    case 10:
      return `\u001b]8;;https://example.org/${random.upTo(99)}\u001b\\${words(4)}\u001b]8;;\u001b\\${LINE_END}`
    case 11:
      return `${'='.repeat(cols)}${words(2)}${LINE_END}`
    case 12:
      return `\u001b[4:3;58:2::9:8:7m${words(3)}\u001b[0m ${words(5)}${LINE_END}`
    default:
      return `${Array.from({ length: random.between(5, 40) }, (_, i) => `${i} ${words(9)}`).join(LINE_END)}${LINE_END}`
  }
}

/** Writes in pieces that end anywhere, now and then with a pause: somebody may be killed in it. */
async function say(text: string, random: Random): Promise<void> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + random.between(1, 1_500))
    try {
      at += writeSync(1, piece)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    }
    if (random.upTo(3) === 0) await nap(1)
  }
}

async function perform(line: string): Promise<void> {
  state = createHash('sha256').update(state).update(line).digest()
  const random = new Random(state.readUInt32BE(0))
  const [verb, number, ...rest] = line.split(' ')
  if (verb === 't') {
    const { cols, rows } = size()
    await say(`\u001b[32m> ${rest.join(' ').slice(0, 60)}\u001b[0m${LINE_END}`, random)
    for (let i = random.between(3, 30); i > 0; i--) await say(drawing(random, cols, rows), random)
  } else if (verb === 's') {
    const [cols, rows] = rest.map(Number)
    await say(`\u001b[?1049h\u001b[2J\u001b[H\u001b]2;wants ${number}\u0007`, random)
    // What is drawn here is gone afterwards, so it may be resized in the middle of it.
    for (let i = random.between(10, 40); i > 0; i--)
      await say(`\u001b[${random.between(1, 9)}Hchatter ${i}`, random)
    while (size().cols !== cols || size().rows !== rows) await nap(2)
    await say(
      `\u001b[2J\u001b[${rows};1H${'-'.repeat(cols ?? 0)}\u001b[?1049l${cols}x${rows}${LINE_END}`,
      random,
    )
  } else {
    await say(`${state.toString('hex')}`, random)
    process.exit(state.readUInt8(0) % 100)
  }
  await say(`\u001b]2;did ${number}\u0007`, random)
}

let doing = Promise.resolve()
createInterface({ input: process.stdin }).on('line', (line) => {
  doing = doing.then(() => perform(line))
})
// Without a listener Node does not look at the size again.
process.stdout.on('resize', () => {})
await say('\u001b]2;ready\u0007', new Random(1))
