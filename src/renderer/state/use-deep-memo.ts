import { useRef } from 'react'

/** Derives a list from `state` and keeps the former one while the new one says the same, so that readers do not render. */
export function useDeepMemo<S, T>(state: S, derive: (state: S) => T): T {
  const last = useRef<{ state: S; value: T; text: string } | null>(null)
  if (last.current?.state === state) return last.current.value
  const value = derive(state)
  const text = JSON.stringify(value)
  if (last.current?.text === text) last.current = { ...last.current, state }
  else last.current = { state, value, text }
  return last.current.value
}
