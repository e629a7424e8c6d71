import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { random } from './stats.ts'

export const CORPORA = ['plain', 'colour', 'wide', 'screen'] as const
export type CorpusName = (typeof CORPORA)[number]

export interface Corpus {
  name: CorpusName
  path: string
  bytes: Buffer
  sha256: string
}

const LABEL: Record<CorpusName, string> = {
  plain: 'plain text',
  colour: 'SGR colours',
  wide: 'CJK',
  screen: 'agent screen (DEC 2026)',
}
export const labelOf = (name: CorpusName): string => LABEL[name]

const WORDS =
  'the agent reads a file and then writes another one because its test fails with an error in line of module value state render commit branch merge check'.split(
    ' ',
  )
const WIDE =
  '这是一个用来测量终端速度的文本其中包含许多宽字符日本語のテキストも少し混ざっています한국어도있다'

/** A deterministic text of `size` bytes as programs write it, on disk and in memory. */
export async function makeCorpus(folder: string, name: CorpusName, size: number): Promise<Corpus> {
  const chance = random(20_260_101 + CORPORA.indexOf(name))
  const pick = <T>(from: readonly T[]): T => from[Math.floor(chance() * from.length)]!
  const wide = [...WIDE]
  const words = (count: number) => Array.from({ length: count }, () => pick(WORDS)).join(' ')
  let turn = 0
  const piece: Record<CorpusName, () => string> = {
    plain: () => `${String(++turn).padStart(7)} ${words(4 + Math.floor(chance() * 14))}\r\n`,
    colour: () => {
      const parts = Array.from({ length: 6 }, () => {
        const code =
          chance() < 0.3
            ? `38;2;${turn % 256};90;200`
            : `${chance() < 0.5 ? '1;' : ''}38;5;${Math.floor(chance() * 256)}`
        return `\u001b[${code}m${words(2)}\u001b[0m`
      })
      turn++
      return `${parts.join(' ')}\r\n`
    },
    wide: () =>
      `${Array.from({ length: 20 + Math.floor(chance() * 30) }, () => pick(wide)).join('')} ${++turn}\r\n`,
    screen: () => {
      turn++
      const rows = Array.from(
        { length: 24 },
        (_, row) =>
          `\u001b[${row + 8};1H\u001b[2m│\u001b[22m \u001b[38;5;${(turn + row) % 256}m${words(3)}\u001b[39m ${turn}\u001b[K`,
      )
      return `\u001b[?2026h\u001b[?25l\u001b[H\u001b[1m● Working\u001b[22m (${turn} s)\u001b[K${rows.join('')}\u001b[?25h\u001b[?2026l`
    },
  }
  const parts: string[] = []
  for (let bytes = 0; bytes < size; ) {
    const next = piece[name]()
    parts.push(next)
    bytes += Buffer.byteLength(next)
  }
  parts.push('\u001b[0m\u001b[40;1H\r\n')
  const bytes = Buffer.from(parts.join(''))
  const path = join(folder, `${name}.txt`)
  await writeFile(path, bytes)
  return { name, path, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
}
