interface Wish {
  cols: number
  rows: number
}

/**
 * One size per terminal, owned by the view that was focused last (the first one, while none was). The others' wishes wait
 * until they are focused, or until the owner goes.
 */
export class SizeOwners {
  readonly #views = new Map<string, Map<object, { wish: Wish | null; focusedAt: number }>>()
  #turn = 0

  /** `view` wants `terminalId` to have this size; gives the size to apply, or null when another view owns it. */
  wish(terminalId: string, view: object, wish: Wish): Wish | null {
    const entry = this.#entry(terminalId, view)
    entry.wish = wish
    return this.#owner(terminalId) === view ? wish : null
  }

  /** `view` got the focus; gives its size, if it ever said one. */
  focus(terminalId: string, view: object): Wish | null {
    const entry = this.#entry(terminalId, view)
    entry.focusedAt = ++this.#turn
    return entry.wish
  }

  /** `view` is gone; gives the size that the next owner wants, when the owner changed. */
  leave(terminalId: string, view: object): Wish | null {
    const owned = this.#owner(terminalId) === view
    const views = this.#views.get(terminalId)
    views?.delete(view)
    if (views?.size === 0) this.#views.delete(terminalId)
    const next = this.#owner(terminalId)
    return owned && next ? (this.#views.get(terminalId)?.get(next)?.wish ?? null) : null
  }

  #entry(terminalId: string, view: object) {
    const views = this.#views.get(terminalId) ?? new Map<object, { wish: Wish | null; focusedAt: number }>()
    this.#views.set(terminalId, views)
    const entry = views.get(view) ?? { wish: null, focusedAt: 0 }
    views.set(view, entry)
    return entry
  }

  #owner(terminalId: string): object | null {
    let owner: object | null = null
    let best = -1
    for (const [view, { focusedAt }] of this.#views.get(terminalId) ?? []) {
      if (focusedAt > best) {
        owner = view
        best = focusedAt
      }
    }
    return owner
  }
}
