import { memo } from 'react'
import type { DiffFile, DiffLine } from './diff-model.ts'
import { changedRanges } from './hunk-view.ts'
import { LineText } from './LineText.tsx'
import type { LineTokens } from './segments.ts'

const SIGN = { add: '+', del: '−', context: '', note: '' } as const

interface RowProps {
  file: DiffFile
  hunkIndex: number
  top: number
  row: number
  /** This row is where the keyboard stands; several when a range is chosen. */
  chosen: boolean
}

/** A line in one column. */
export const LineRow = memo(function LineRow(
  props: RowProps & { lineIndex: number; tokens: LineTokens | undefined },
) {
  const { file, hunkIndex, lineIndex, top, row, chosen, tokens } = props
  const hunk = file.hunks[hunkIndex]
  const line = hunk?.lines[lineIndex]
  if (!hunk || !line) return null
  return (
    <div
      className="patch-row"
      data-kind={line.kind}
      data-row={row}
      data-chosen={chosen || undefined}
      style={{ top }}
    >
      <span className="patch-no num">{numberOf(line, 'old')}</span>
      <span className="patch-no num">{numberOf(line, 'new')}</span>
      <span className="patch-sign">{SIGN[line.kind]}</span>
      <span className="patch-cell">
        <LineText text={line.text} tokens={tokens} changed={changedRanges(hunk, lineIndex)} />
      </span>
    </div>
  )
})

/** Two lines beside each other. */
export const PairRow = memo(function PairRow(
  props: RowProps & {
    left: number | null
    right: number | null
    leftTokens: LineTokens | undefined
    rightTokens: LineTokens | undefined
  },
) {
  const { file, hunkIndex, top, row, chosen } = props
  const hunk = file.hunks[hunkIndex]
  if (!hunk) return null
  const half = (side: 'old' | 'new', index: number | null, tokens: LineTokens | undefined) => {
    const line = index === null ? undefined : hunk.lines[index]
    if (!line || index === null) return <div className="patch-half" data-kind="gap" />
    return (
      <div className="patch-half" data-kind={line.kind} data-side={side}>
        <span className="patch-no num">{numberOf(line, side)}</span>
        <span className="patch-sign">{SIGN[line.kind]}</span>
        <span className="patch-cell">
          <LineText text={line.text} tokens={tokens} changed={changedRanges(hunk, index)} />
        </span>
      </div>
    )
  }
  return (
    <div className="patch-row patch-pair" data-row={row} data-chosen={chosen || undefined} style={{ top }}>
      {half('old', props.left, props.leftTokens)}
      {half('new', props.right, props.rightTokens)}
    </div>
  )
})

function numberOf(line: DiffLine, side: 'old' | 'new'): number | null {
  if (line.kind === 'note') return null
  return side === 'old' ? line.oldLine : line.newLine
}
