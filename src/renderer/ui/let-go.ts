import type { MouseEvent } from 'react'

/**
 * Gives the keyboard back after a click with the pointer: a focused row would take Space and Enter for itself, which mean
 * something else on the board. A press of Enter on the row keeps the focus, so that Tab goes on from there.
 */
export function letGo(event: MouseEvent<HTMLElement>): void {
  if (event.detail > 0) event.currentTarget.blur()
}
