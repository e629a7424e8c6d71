import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * The objects of a file of JSON lines, one after the other. Lines that are no JSON are left out: the agent is writing the
 * last one at this moment. `wanted` says by the text whether a line is worth parsing (transcripts are mostly tool output).
 */
export async function* readJsonLines(
  file: string,
  wanted: (line: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  const input = createReadStream(file, { encoding: 'utf8', signal })
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (!wanted(line)) continue
      let value: unknown
      try {
        value = JSON.parse(line)
      } catch {
        continue
      }
      yield value
    }
  } finally {
    input.destroy()
  }
}
