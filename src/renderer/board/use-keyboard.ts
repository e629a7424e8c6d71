import { useEffect } from 'react'
import { toast } from '../state/toasts.ts'
import { useUi } from '../state/ui.ts'
import type { CommandActions } from '../ui/commands.ts'
import { commandFor } from '../ui/keymap.ts'
import { onMac } from '../ui/platform.ts'

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return (
    target.isContentEditable ||
    target instanceof HTMLInputElement ||
    target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement
  )
}

/** A control takes these keys itself: Space and Enter press it, arrows move in it. */
function isControlKey(event: KeyboardEvent): boolean {
  if (!(event.target instanceof HTMLElement)) return false
  if (event.key === 'ArrowUp' || event.key === 'ArrowDown')
    return (
      event.target.closest('[role="menu"], [role="listbox"], [role="tablist"], [role="separator"]') !== null
    )
  if (event.key !== 'Enter' && event.key !== ' ') return false
  return (
    event.target.closest(
      'button, a, [role="menu"], [role="listbox"], [role="tablist"], [role="separator"]',
    ) !== null
  )
}

/** Gives key presses to the commands; the only listener for keys of the whole window. */
export function useKeyboard(actions: CommandActions): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return
      const inTerminal = event.target instanceof HTMLElement && event.target.closest('.xterm') !== null
      const covered = document.querySelector('[role="dialog"], [role="menu"], [role="listbox"]') !== null
      if (event.key === 'Escape' && !covered && !inTerminal) {
        if (isTyping(event.target)) (event.target as HTMLElement).blur()
        else if (useUi.getState().zoomed) useUi.setState({ zoomed: false })
        else if (useUi.getState().pane !== 'terminals') useUi.setState({ pane: 'terminals' })
        else if (useUi.getState().page !== 'board') useUi.setState({ page: 'board' })
        return
      }
      if (isControlKey(event)) return
      const id = commandFor(event, { mac: onMac, typing: isTyping(event.target), covered })
      // Ctrl+K is what hands know; without a terminal under them it is free.
      const palette = !inTerminal && event.ctrlKey && !event.shiftKey && !event.altKey && event.key === 'k'
      const command = palette ? 'app.palette' : id
      if (!command) return
      event.preventDefault()
      const action = actions[command]
      const why = action.blocked?.() ?? null
      if (why) toast('info', why)
      else action.run()
    }
    window.addEventListener('keydown', onKeyDown)
    return () => window.removeEventListener('keydown', onKeyDown)
  }, [actions])
}
