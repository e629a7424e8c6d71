import { ChevronDown, ChevronUp, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { IconButton } from '../ui/IconButton.tsx'
import type { TerminalSession } from './terminal-session.ts'
import { useTerminalUi } from './terminal-ui.ts'

const DECORATIONS = {
  matchBackground: '#5b4fb0',
  activeMatchBackground: '#b58a1a',
  matchOverviewRuler: '#5b4fb0',
  activeMatchColorOverviewRuler: '#b58a1a',
}

/** Finds text in the scrollback of one terminal. */
export function TerminalSearch({ session }: { session: TerminalSession }) {
  const [text, setText] = useState('')
  const [found, setFound] = useState<{ index: number; count: number } | null>(null)
  const input = useRef<HTMLInputElement>(null)

  useEffect(() => {
    input.current?.focus()
    session.showMatchesBesideScrollbar()
    const results = session.search.onDidChangeResults(({ resultIndex, resultCount }) =>
      setFound({ index: resultIndex, count: resultCount }),
    )
    return () => {
      results.dispose()
      session.search.clearDecorations()
    }
  }, [session])

  const close = () => {
    useTerminalUi.setState({ searching: null })
    session.term.focus()
  }
  const next = () => session.search.findNext(text, { decorations: DECORATIONS })
  const previous = () => session.search.findPrevious(text, { decorations: DECORATIONS })

  return (
    <search className="terminal-search">
      <input
        ref={input}
        className="input"
        aria-label="Find in this terminal"
        placeholder="Find"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          if (event.target.value)
            session.search.findNext(event.target.value, { incremental: true, decorations: DECORATIONS })
          else session.search.clearDecorations()
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') close()
          else if (event.key === 'Enter') event.shiftKey ? previous() : next()
          else return
          event.preventDefault()
          event.stopPropagation()
        }}
      />
      <span className="terminal-search-count" aria-live="polite">
        {found && text ? `${found.count === 0 ? 0 : found.index + 1} of ${found.count}` : ''}
      </span>
      <IconButton label="Previous match" kbd="Shift Enter" size="s" onClick={previous}>
        <ChevronUp size={14} />
      </IconButton>
      <IconButton label="Next match" kbd="Enter" size="s" onClick={next}>
        <ChevronDown size={14} />
      </IconButton>
      <IconButton label="Close" kbd="Esc" size="s" onClick={close}>
        <X size={14} />
      </IconButton>
    </search>
  )
}
