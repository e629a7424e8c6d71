import { type GroupProps, type PanelProps, usePanelRef } from 'react-resizable-panels'
import { useUi } from '../state/ui.ts'

interface Widths {
  /** What it takes of the window as long as nobody dragged it, and within which px. */
  auto: { share: string; min: number; max: number }
  /** How far it can be dragged, px. */
  drag: { min: number; max: number }
}

const WIDTHS = {
  sidebar: { auto: { share: '13vw', min: 236, max: 300 }, drag: { min: 190, max: 420 } },
  rail: { auto: { share: '18vw', min: 280, max: 440 }, drag: { min: 220, max: 520 } },
} as const satisfies Record<string, Widths>

/**
 * What makes a panel at the side of its group as wide as the window has room for, until the engineer drags it: then it
 * keeps that width.
 */
export function useSidePanel(name: keyof typeof WIDTHS): {
  panel: PanelProps
  group: Pick<GroupProps, 'onLayoutChanged'>
} {
  const chosen = useUi((state) => state.panels[name])
  const panelRef = usePanelRef()
  const { auto, drag } = WIDTHS[name]
  const panel: PanelProps =
    chosen === undefined
      ? { defaultSize: auto.share, minSize: auto.min, maxSize: auto.max }
      : {
          defaultSize: chosen,
          minSize: drag.min,
          maxSize: drag.max,
          groupResizeBehavior: 'preserve-pixel-size',
        }
  return {
    panel: { ...panel, panelRef },
    group: {
      onLayoutChanged: (_layout, { isUserInteraction }) => {
        const width = panelRef.current?.getSize().inPixels
        if (isUserInteraction && width !== undefined)
          useUi.setState((state) => ({ panels: { ...state.panels, [name]: Math.round(width) } }))
      },
    },
  }
}
