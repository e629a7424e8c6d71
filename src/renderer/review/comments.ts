/** A remark on lines of an attempt's diff that is not sent yet. */
export interface DraftComment {
  id: string
  path: string
  /** Whether the line numbers are those of the base (`old`) or of the attempt (`new`). */
  side: 'old' | 'new'
  line: number
  /** The last of several lines; the same as `line` for one. */
  endLine: number
  /** The lines as they were when it was written, so that it still makes sense after the head moved. */
  quote: string
  body: string
  /** The head that was looked at. */
  headSha: string | null
  at: number
}

/** What a quote keeps of long lines and many lines: it is to be recognised, not to be read again. */
const MAX_QUOTE_LINES = 6
const MAX_QUOTE_CHARS = 160

export function quoteOf(lines: readonly string[]): string {
  const cut = lines
    .slice(0, MAX_QUOTE_LINES)
    .map((line) => (line.length > MAX_QUOTE_CHARS ? `${line.slice(0, MAX_QUOTE_CHARS)}…` : line))
  return (lines.length > MAX_QUOTE_LINES ? [...cut, '…'] : cut).join('\n')
}

/** Where a comment stands, for people and agents: `src/a.ts:3-5`, with a word when these are lines of the base. */
export function placeOf(comment: Pick<DraftComment, 'path' | 'side' | 'line' | 'endLine'>): string {
  const lines = comment.endLine > comment.line ? `${comment.line}-${comment.endLine}` : String(comment.line)
  return `${comment.path}:${lines}${comment.side === 'old' ? ' (before your change)' : ''}`
}

/** A fence longer than any that the text holds, so that quoted code cannot end its own quote. */
function fenceFor(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length))
  return '`'.repeat(Math.max(3, longest + 1))
}

/** Comments in the order of files and lines. */
export function sortComments(comments: readonly DraftComment[]): DraftComment[] {
  return [...comments].sort(
    (a, b) => a.path.localeCompare(b.path) || a.line - b.line || a.endLine - b.endLine || a.at - b.at,
  )
}

/**
 * All comments and the engineer's own words as one message to the agent, in Markdown: first what was said in general,
 * then each remark with its place and the lines it is about. Empty when there is nothing to say.
 */
export function commentsMessage(message: string, comments: readonly DraftComment[]): string {
  const parts: string[] = []
  if (message.trim()) parts.push(message.trim())
  const spoken = sortComments(comments.filter((comment) => comment.body.trim() !== ''))
  if (spoken.length > 0) {
    parts.push(
      spoken.length === 1
        ? 'One remark on your change:'
        : `${spoken.length} remarks on your change. Please deal with every one of them:`,
    )
    spoken.forEach((comment, index) => {
      const number = spoken.length === 1 ? '' : `${index + 1}. `
      const fence = fenceFor(comment.quote)
      const quote = comment.quote ? `${fence}\n${comment.quote}\n${fence}\n` : ''
      parts.push(`${number}${placeOf(comment)}\n${quote}${comment.body.trim()}`)
    })
  }
  return parts.join('\n\n')
}
