import { create } from 'zustand'
import type { Signal } from '../../shared/state/tables.ts'

/** What changes too often to be state: a lost signal is overtaken by the next one. Bells are this window's own. */
interface Signals {
  byAttempt: Readonly<Record<string, Signal>>
  /** Terminals that rang since they were last looked at, by terminal id. */
  bells: Readonly<Record<string, number>>
}

export const useSignals = create<Signals>(() => ({ byAttempt: {}, bells: {} }))

export function applySignals(signals: readonly Signal[]): void {
  if (signals.length === 0) return
  useSignals.setState((state) => {
    const next = { ...state.byAttempt }
    for (const signal of signals) next[signal.attemptId] = { ...next[signal.attemptId], ...signal }
    return { byAttempt: next }
  })
}

export function ring(terminalId: string, at: number): void {
  useSignals.setState((state) => ({ bells: { ...state.bells, [terminalId]: at } }))
}

export function silenceBell(terminalId: string): void {
  useSignals.setState((state) => {
    if (!(terminalId in state.bells)) return state
    const { [terminalId]: _heard, ...bells } = state.bells
    return { bells }
  })
}
