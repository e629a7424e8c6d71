import { create } from 'zustand'

/** The path to begin with when the dialog opens: a dropped folder. */
export const useAddRepository = create<{ path: string }>(() => ({ path: '' }))
