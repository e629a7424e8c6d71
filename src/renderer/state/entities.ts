import { create } from 'zustand'
import { type Entities, emptyEntities } from '../../shared/state/apply.ts'

/** Server truth, never edited here: only `connection/sync.ts` writes it. */
export const useEntities = create<Entities & { loaded: boolean }>(() => ({ ...emptyEntities, loaded: false }))
