import { createCssVariablesTheme, createHighlighterCore, type HighlighterCore } from 'shiki/core'
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript'
import type { LineTokens } from '../segments.ts'
import { GRAMMARS } from './languages.ts'
import { COLOURS, type HighlightAnswer, type HighlightRequest } from './protocol.ts'

/** Lines between two looks at the queue: a window that scrolls on wants the lines it shows now. */
const LINES_AT_ONCE = 120
/** A line beyond this is not code that anybody reads. */
const MAX_LINE_CHARS = 1_000
/** What one line may cost before the rest of it stays plain; the first ones compile their grammar's patterns. */
const LINE_MS = 2_000
const THEME = 'quartet'

let highlighter: Promise<HighlighterCore> | null = null
/** Newest first: what was asked for last is on screen now. */
const queue: HighlightRequest[] = []
let busy = false

const answer = (message: HighlightAnswer) => self.postMessage(message)

self.addEventListener('message', (event: MessageEvent<HighlightRequest>) => {
  queue.push(event.data)
  if (!busy) void work()
})

async function work(): Promise<void> {
  busy = true
  for (let request = queue.pop(); request; request = queue.pop()) {
    try {
      await highlight(request)
      answer({ id: request.id, kind: 'done' })
    } catch {
      // A grammar that fails on some text costs its colours, nothing else; the window shows the text plain.
      answer({ id: request.id, kind: 'failed' })
    }
  }
  busy = false
}

async function highlight({ id, language, lines }: HighlightRequest): Promise<void> {
  // The JavaScript engine: the page's policy allows neither WebAssembly nor eval.
  highlighter ??= createHighlighterCore({
    themes: [createCssVariablesTheme({ name: THEME, variablePrefix: '--code-' })],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  })
  const shiki = await highlighter
  if (!shiki.getLoadedLanguages().includes(language)) await shiki.loadLanguage(GRAMMARS[language]())
  let state: ReturnType<typeof shiki.getLastGrammarState> | undefined
  for (let from = 0; from < lines.length; from += LINES_AT_ONCE) {
    const part = lines.slice(from, from + LINES_AT_ONCE)
    const found = shiki.codeToTokensBase(part.join('\n'), {
      lang: language,
      theme: THEME,
      tokenizeMaxLineLength: MAX_LINE_CHARS,
      tokenizeTimeLimit: LINE_MS,
      ...(state ? { grammarState: state } : {}),
    })
    state = shiki.getLastGrammarState(found)
    answer({
      id,
      kind: 'lines',
      from,
      tokens: found.map((line) => compactLine(line)),
    })
    // Lets newer requests in; they wait their turn behind this one at most for one part.
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
}

function compactLine(line: readonly { content: string; color?: string | undefined }[]): LineTokens {
  const out: number[] = []
  let end = 0
  for (const token of line) {
    end += token.content.length
    const colour = colourNumber(token.color)
    if (out.length > 0 && out[out.length - 1] === colour) out[out.length - 2] = end
    else out.push(end, colour)
  }
  return out
}

/** `var(--code-token-string)` → its number. */
function colourNumber(colour: string | undefined): number {
  const name = colour?.match(/^var\(--code-(?:token-)?([a-z-]+)\)$/)?.[1]
  return name === undefined ? 0 : Math.max(0, COLOURS.indexOf(name as (typeof COLOURS)[number]))
}
