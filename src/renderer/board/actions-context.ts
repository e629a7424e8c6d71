import { createContext, use } from 'react'
import type { CommandActions } from '../ui/commands.ts'

export const ActionsContext = createContext<CommandActions | null>(null)

/** What each command does now. */
export function useActions(): CommandActions {
  const actions = use(ActionsContext)
  if (!actions) throw new Error('ActionsContext is missing above this component.')
  return actions
}
