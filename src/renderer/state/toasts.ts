import { create } from 'zustand'

export interface Toast {
  id: number
  tone: 'ok' | 'bad' | 'info'
  /** One sentence. */
  text: string
  detail?: string | undefined
  action?: { label: string; run: () => void } | undefined
}

/** More than this at once nobody reads: the oldest goes. */
const MAX_TOASTS = 4

interface ToastState {
  toasts: readonly Toast[]
  dismiss: (id: number) => void
}

let lastId = 0

export const useToasts = create<ToastState>((set) => ({
  toasts: [],
  dismiss: (id) => set((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) })),
}))

/** Shows a sentence; the same sentence is not shown twice at once. */
export function toast(tone: Toast['tone'], text: string, rest: Pick<Toast, 'detail' | 'action'> = {}): void {
  lastId += 1
  const next: Toast = { id: lastId, tone, text, ...rest }
  useToasts.setState((state) => ({
    toasts: [...state.toasts.filter((have) => have.text !== text), next].slice(-MAX_TOASTS),
  }))
}
