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

/** A remark as the core takes it; `line` is one of the attempt's own lines, null when it is about lines that are gone. */
export interface SentComment {
  path: string
  line: number | null
  text: string
}

/**
 * Comments as they are sent, in the order of the files: each with the lines that it is about, quoted as they were read,
 * because the agent may have changed them since. Comments without text are left out.
 */
export function sentComments(comments: readonly DraftComment[]): SentComment[] {
  return sortComments(comments.filter((comment) => comment.body.trim() !== '')).map((comment) => {
    const fence = fenceFor(comment.quote)
    const quote = comment.quote ? `${fence}\n${comment.quote}\n${fence}\n` : ''
    const lines =
      comment.side === 'old'
        ? `On ${comment.endLine > comment.line ? `lines ${comment.line} to ${comment.endLine}` : `line ${comment.line}`} as before your change:\n`
        : comment.endLine > comment.line
          ? `On lines ${comment.line} to ${comment.endLine}:\n`
          : ''
    return {
      path: comment.path,
      line: comment.side === 'new' ? comment.line : null,
      text: `${lines}${quote}${comment.body.trim()}`,
    }
  })
}
