import { memo, useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { PatchRow } from './patch.ts'

const ROW_PX = 20
/** Rows drawn beyond the edges, so that scrolling shows no holes. */
const OVERSCAN = 30

/** Draws only the rows that can be seen: 20,000 lines cost as much as fifty. */
export function PatchView({ rows, showPath }: { rows: readonly PatchRow[]; showPath: string | null }) {
  const box = useRef<HTMLDivElement>(null)
  const [range, setRange] = useState({ from: 0, to: 80 })

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const update = () => {
      const from = Math.max(0, Math.floor(element.scrollTop / ROW_PX) - OVERSCAN)
      const to = Math.ceil((element.scrollTop + element.clientHeight) / ROW_PX) + OVERSCAN
      setRange((have) =>
        // Within the overscan nothing new is to be drawn.
        Math.abs(have.from - from) < OVERSCAN / 2 && Math.abs(have.to - to) < OVERSCAN / 2
          ? have
          : { from, to },
      )
    }
    update()
    element.addEventListener('scroll', update, { passive: true })
    const observer = new ResizeObserver(update)
    observer.observe(element)
    return () => {
      element.removeEventListener('scroll', update)
      observer.disconnect()
    }
  }, [])

  useEffect(() => {
    if (!showPath) return
    const index = rows.findIndex((row) => row.kind === 'file' && row.path === showPath)
    if (index >= 0 && box.current) box.current.scrollTop = index * ROW_PX
  }, [rows, showPath])

  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text must be reachable with the keyboard
    <section className="patch" ref={box} tabIndex={0} aria-label="Changes">
      <div className="patch-space" style={{ height: rows.length * ROW_PX }}>
        {rows.slice(range.from, range.to).map((row, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the place in the patch is what is drawn
          <Row key={range.from + index} row={row} top={(range.from + index) * ROW_PX} />
        ))}
      </div>
    </section>
  )
}

const SIGN = { add: '+', del: '−', context: '' } as const

const Row = memo(function Row({ row, top }: { row: PatchRow; top: number }) {
  const style = { top }
  if (row.kind === 'file')
    return (
      <div className="patch-row" data-kind="file" style={style}>
        {row.oldPath && row.oldPath !== row.path ? `${row.oldPath} → ` : ''}
        {row.path}
      </div>
    )
  if (row.kind === 'hunk' || row.kind === 'note')
    return (
      <div className="patch-row" data-kind={row.kind} style={style}>
        {row.text}
      </div>
    )
  return (
    <div className="patch-row" data-kind={row.kind} style={style}>
      <span className="patch-no num">{row.oldLine}</span>
      <span className="patch-no num">{row.newLine}</span>
      <span className="patch-sign">{SIGN[row.kind]}</span>
      <span className="patch-text">{row.text}</span>
    </div>
  )
})
