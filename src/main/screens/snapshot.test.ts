import { describe, expect, test } from 'vitest'
import { TestScreen } from '../pty-protocol/test-screen.ts'
import { Emulator } from './emulator.ts'

const COLS = 40
const ROWS = 10

/** Scenes with what TUIs use; each is cut at every place to see whether attaching there shows the same. */
const SCENES: Record<string, string> = {
  text: 'one\r\ntwo\r\n\ttabbed\bX\r\n'.repeat(5),
  'wrapped lines': `${'abcdefghij'.repeat(5)}\r\n${'日本語テスト'.repeat(5)}\r\nend`,
  'wrap border': `${'x'.repeat(39)}日本\r\n${'y'.repeat(40)}`,
  'wrapped line erased at the border': `${'z'.repeat(60)}\u001b[A\u001b[40G\u001b[X\u001b[B\r\u001b[2Xq`,
  colours:
    '\u001b[1mbold\u001b[2m both\u001b[22m \u001b[3;4mit\u001b[0m \u001b[38;5;208mpal\u001b[48;2;10;20;30mrgb\u001b[0m \u001b[92;101mbright\u001b[m',
  'more attributes':
    '\u001b[5mblink\u001b[7minv\u001b[8mhid\u001b[9mstrike\u001b[53mover\u001b[0m\u001b[4:3;58:2::9:8:7mcurly\u001b[0m \u001b[4:2mdouble\u001b[m',
  'coloured blanks': '\u001b[44m\u001b[2J\u001b[3;5Hmenu\u001b[K\u001b[8;1H\u001b[41m\u001b[K\u001b[0m',
  graphemes: 'e\u0301 👩‍👩‍👧 🇩🇪 ❤️ 👍🏽 \u001b[7Gค้ำ\r\n',
  'alternate screen':
    'shell$ vim\r\n\u001b[?1049h\u001b[2J\u001b[H~\r\n~\r\n\u001b[10;1H\u001b[7m status \u001b[0m\u001b[3;6r\u001b[4;4H',
  'alternate screen and back': 'before\u001b[?1049h\u001b[2;5rinside\u001b[?1049lafter',
  'saved cursor':
    'top\u001b[3;7H\u001b[1;31mA\u001b7\u001b[0m\u001b[9;2Hbottom\r\n\n\n\u001b8back\u001b[m\u001b[2;3H\u001b7\u001b[?6h\u001b[3;8r\u001b[2;2Hin\u001b8out',
  'a colour kept over the alternate screen':
    '\u001b[35mpurple\u001b[?1049h\u001b[0m\u001b[2;2Hinside\u001b7\u001b[5;5Hx\u001b8y\u001b[?1049lstill',
  modes:
    '\u001b[?1h\u001b=\u001b[?2004h\u001b[?1003h\u001b[?1006h\u001b[?1004h\u001b[?25l\u001b[6 qready\u001b[?7l',
  'mouse off again': '\u001b[?1002h\u001b[?1006hx\u001b[?1002l\u001b[?1006l\u001b[?25l\u001b[?25hy',
  'insert and origin': 'abcdef\u001b[4h\u001b[3Gzz\u001b[2;8r\u001b[?6h\u001b[3;3Hin',
  'line drawing': '\u001b(0lqqqk\r\nx\u001b(B text \u001b(0x\r\nmqqqj',
  links:
    '\u001b]8;id=a;https://example.org/x\u001b\\link\u001b]8;;\u001b\\ \u001b]8;;http://b\u0007b\u001b]8;;\u0007.',
  title: '\u001b]0;a title\u0007text\u001b]2;another\u001b\\',
  'scroll region': '\u001b[2;4r\u001b[4;1Ha\nb\nc\nd\u001b[r',
  'tab stops': '\u001b[3g\u001b[5G\u001bH\u001b[20G\u001bH\r\tA\tB\tC',
  repeats: `ab\u001b[5b\u001b[99999b日\u001b[3b`,
  'soft reset': '\u001b[?25l\u001b[4h\u001b[2;3r\u001b[!pplain\u001bcafter full reset',
}

async function emulatorOf(bytes: Uint8Array): Promise<Emulator> {
  const emulator = new Emulator(COLS, ROWS, 0, {})
  emulator.write(bytes, bytes.length)
  await emulator.settled()
  return emulator
}

describe('a snapshot and the bytes after it', () => {
  for (const [name, scene] of Object.entries(SCENES)) {
    test(`${name}: the same screen as the raw bytes, wherever one attaches`, async () => {
      const bytes = Buffer.from(scene)
      const raw = new TestScreen(COLS, ROWS, false)
      await raw.write(bytes)
      const expected = raw.describe()
      const emulator = new Emulator(COLS, ROWS, 0, {})
      const viewer = new TestScreen(COLS, ROWS, true)
      for (let cut = 0; cut <= bytes.length; cut++) {
        const { data, offset } = emulator.snapshot(1_000)
        expect(offset).toBe(cut)
        // What was on the viewer's screen before must not shine through.
        await viewer.write(
          Buffer.from('old text \u001b[31m\u001b[?1049h\u001b[?2004h\u001b[3;5r\u001b]8;;http://old\u0007'),
        )
        await viewer.reset(COLS, ROWS, data)
        await viewer.write(bytes.subarray(cut))
        const where = `attached after ${JSON.stringify(scene.slice(Math.max(0, cut - 12), cut))} (${cut})`
        expect(viewer.describe(), where).toEqual(expected)
        emulator.write(bytes.subarray(cut, cut + 1), cut + 1)
        await emulator.settled()
      }
      emulator.dispose()
    })
  }

  test('a thousand lines of scrollback come along, older ones do not', async () => {
    const bytes = Buffer.from(Array.from({ length: 1_500 }, (_, i) => `line ${i}\r\n`).join(''))
    const emulator = await emulatorOf(bytes)
    const viewer = new TestScreen(COLS, ROWS, true, 5_000)
    await viewer.reset(COLS, ROWS, emulator.snapshot(1_000).data)
    expect(viewer.terminal.buffer.normal.length).toBe(1_000 + ROWS)
    expect(viewer.terminal.buffer.normal.getLine(0)?.translateToString(true)).toBe('line 491')
  })
})
