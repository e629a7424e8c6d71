import { useEffect, useRef, useState } from 'react'
import { Cell, Grid, Gridline } from 'react-resizable-panels'
import { useShallow } from 'zustand/react/shallow'
import type { Task } from '../../shared/domain/task.ts'
import { useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { focusedOf, shownAttempts } from '../state/selection.ts'
import { useUi } from '../state/ui.ts'
import { Tile } from './Tile.tsx'
import { columnLines, type TileLayout, tileLayout } from './tile-layout.ts'

/** The attempts of a round side by side, or the focused one alone. */
export function TileGrid({ task }: { task: Task }) {
  const { terminals } = useApp()
  const attempts = useEntities(useShallow((state) => shownAttempts(state, task)))
  const remembered = useUi((state) => state.focusedTile[task.id])
  const zoomed = useUi((state) => state.zoomed)
  const focused = focusedOf(attempts, remembered)
  const place = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState<{ width: number; height: number } | null>(null)

  useEffect(() => {
    if (!place.current) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry && entry.contentRect.width > 0)
        setSize({ width: entry.contentRect.width, height: entry.contentRect.height })
    })
    observer.observe(place.current)
    return () => observer.disconnect()
  }, [])

  const focusedTerminal = focused?.terminalId ?? null
  useEffect(() => {
    terminals.setFocused(focusedTerminal)
    return () => terminals.setFocused(null)
  }, [terminals, focusedTerminal])

  const shown = zoomed && focused ? [focused] : attempts
  const layout = size && shown.length > 0 ? tileLayout(shown.length, size.width, size.height) : null
  return (
    <div className="tile-place" ref={place} data-focus={zoomed ? 'zoom' : 'grid'}>
      {layout ? (
        <SizedGrid
          key={layout.id}
          layout={layout}
          ids={shown.map((attempt) => attempt.id)}
          focusedId={focused?.id}
        />
      ) : null}
    </div>
  )
}

const MIN_TILE = { width: 220, height: 120 }

function SizedGrid({
  layout,
  ids,
  focusedId,
}: {
  layout: TileLayout
  ids: string[]
  focusedId: string | undefined
}) {
  const sizes = useUi((state) => state.tileSizes[layout.id])
  const tracks = (count: number, minSize: number) =>
    Array.from({ length: count }, (_, index) => ({ id: `t${index}`, minSize }))
  return (
    <Grid
      className="tile-grid"
      columns={tracks(layout.columns, MIN_TILE.width)}
      rows={tracks(layout.rows, MIN_TILE.height)}
      defaultLayout={sizes}
      onLayoutChanged={(next, meta) => {
        if (!meta.isUserInteraction) return
        useUi.setState((state) => ({ tileSizes: { ...state.tileSizes, [layout.id]: next } }))
      }}
    >
      {ids.map((id, index) => {
        const at = layout.places[index]
        if (!at) return null
        return (
          <Cell key={id} column={at.column} row={at.row} columnSpan={at.columnSpan} className="tile-cell">
            <Tile attemptId={id} focused={id === focusedId} />
          </Cell>
        )
      })}
      {Array.from({ length: layout.columns - 1 }, (_, index) => index + 1).flatMap((column) =>
        columnLines(layout, column).map((line) => (
          <Gridline
            key={`c${column}-${line.row}`}
            type="column"
            column={column}
            row={line.row}
            rowSpan={line.rowSpan}
            className="tile-line"
          />
        )),
      )}
      {Array.from({ length: layout.rows - 1 }, (_, index) => index + 1).map((row) => (
        <Gridline key={`r${row}`} type="row" row={row} className="tile-line" />
      ))}
    </Grid>
  )
}
