import { type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { rowAt } from './view-rows.ts'

/** Drawn beyond the edges, so that fast scrolling shows no holes. */
const OVERSCAN_PX = 600

export interface VirtualRange {
  from: number
  /** Not part of it. */
  to: number
  /** The row at the upper edge. */
  first: number
}

/** Which rows of a scrolled box are to be drawn; `offsets` holds where each begins and, last, where all end. */
export function useVirtual(box: RefObject<HTMLElement | null>, offsets: Float64Array): VirtualRange {
  const [range, setRange] = useState<VirtualRange>({ from: 0, to: 0, first: 0 })
  const now = useRef(offsets)
  now.current = offsets

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const update = () => {
      const next = rangeOf(now.current, element.scrollTop, element.clientHeight)
      setRange((have) =>
        have.from === next.from && have.to === next.to && have.first === next.first ? have : next,
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
  }, [box])

  useLayoutEffect(() => {
    const element = box.current
    if (element) setRange(rangeOf(offsets, element.scrollTop, element.clientHeight))
  }, [box, offsets])

  return range
}

function rangeOf(offsets: Float64Array, top: number, height: number): VirtualRange {
  const count = offsets.length - 1
  if (count <= 0) return { from: 0, to: 0, first: 0 }
  return {
    // Whole steps of ten: not every row that is scrolled past is worth drawing everything anew.
    from: Math.floor(rowAt(offsets, Math.max(0, top - OVERSCAN_PX)) / 10) * 10,
    to: Math.min(count, Math.ceil((rowAt(offsets, top + height + OVERSCAN_PX) + 1) / 10) * 10),
    first: rowAt(offsets, top),
  }
}
