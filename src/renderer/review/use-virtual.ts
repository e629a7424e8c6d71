import { type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { rowAt } from './view-rows.ts'

/** Drawn beyond the edges, so that fast scrolling shows no holes. */
const OVERSCAN_PX = 400

export interface VirtualRange {
  from: number
  /** Not part of it. */
  to: number
  /** What `groupOf` says of the row at the upper edge. */
  group: number
}

/**
 * Which rows of a scrolled box are to be drawn; `offsets` holds where each begins and, last, where all end. `groupOf` must
 * be stable as long as the rows are.
 */
export function useVirtual(
  box: RefObject<HTMLElement | null>,
  offsets: Float64Array,
  groupOf: (row: number) => number = noGroup,
): VirtualRange {
  const [range, setRange] = useState<VirtualRange>({ from: 0, to: 0, group: 0 })
  const now = useRef({ offsets, groupOf })
  now.current = { offsets, groupOf }

  useLayoutEffect(() => {
    const element = box.current
    if (!element) return
    const update = () => {
      const { offsets, groupOf } = now.current
      const next = rangeOf(offsets, groupOf, element.scrollTop, element.clientHeight)
      setRange((have) =>
        have.from === next.from && have.to === next.to && have.group === next.group ? have : next,
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
    if (element) setRange(rangeOf(offsets, groupOf, element.scrollTop, element.clientHeight))
  }, [box, offsets, groupOf])

  return range
}

const noGroup = () => 0

function rangeOf(
  offsets: Float64Array,
  groupOf: (row: number) => number,
  top: number,
  height: number,
): VirtualRange {
  const count = offsets.length - 1
  if (count <= 0) return { from: 0, to: 0, group: 0 }
  return {
    // Whole steps of ten: not every row that is scrolled past is worth drawing everything anew.
    from: Math.floor(rowAt(offsets, Math.max(0, top - OVERSCAN_PX)) / 10) * 10,
    to: Math.min(count, Math.ceil((rowAt(offsets, top + height + OVERSCAN_PX) + 1) / 10) * 10),
    group: groupOf(rowAt(offsets, top)),
  }
}
