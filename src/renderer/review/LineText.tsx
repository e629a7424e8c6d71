import { memo } from 'react'
import type { Range } from './intraline.ts'
import { type LineTokens, segments } from './segments.ts'

const NONE: readonly Range[] = []

/** The text of one line as text nodes: whatever it holds, it is never markup. */
export const LineText = memo(function LineText({
  text,
  tokens,
  changed = NONE,
}: {
  text: string
  tokens: LineTokens | undefined
  changed?: readonly Range[]
}) {
  return (
    <span className="patch-text">
      {segments(text, tokens, changed).map((segment, index) =>
        segment.colour === 0 && !segment.changed ? (
          segment.text
        ) : (
          <span
            // biome-ignore lint/suspicious/noArrayIndexKey: a piece has no other identity than its place
            key={index}
            className={segment.changed ? 'patch-changed' : undefined}
            data-c={segment.colour || undefined}
          >
            {segment.text}
          </span>
        ),
      )}
    </span>
  )
})
