/** What the focused terminal may have in flight: 3 ms of parsing, which is what an answer to Ctrl-C waits for in a flood. */
const FOCUSED_BYTES = 64 * 1024
/** What all other visible ones together may have in flight, so that they cannot make the focused one wait. */
const OTHERS_BYTES = 256 * 1024
const OTHERS_LEAST_BYTES = 8 * 1024
/** Grants are given in steps, not for every acknowledgement. */
const STEP_BYTES = 4 * 1024

/** How a view takes part in the budget of its channel. */
export type Share = 'focused' | 'visible' | 'hidden'

/** One view's account: granted and acknowledged bytes. */
export interface Account {
  share: Share
  /** Granted and not yet acknowledged: what is in flight or may still be sent. */
  outstanding: number
}

/**
 * One budget for all terminals of a channel: the focused one has a window of its own, the other visible ones share one,
 * hidden ones get nothing (they are redrawn when they appear).
 */
export class CreditBudget {
  readonly #accounts = new Set<Account>()

  open(share: Share): Account {
    const account: Account = { share, outstanding: 0 }
    this.#accounts.add(account)
    return account
  }

  close(account: Account): void {
    this.#accounts.delete(account)
  }

  /** What to grant now; 0 when its window is full or the step too small to be worth a message. */
  grant(account: Account): number {
    const missing = this.#window(account) - account.outstanding
    if (missing < STEP_BYTES) return 0
    account.outstanding += missing
    return missing
  }

  /** `bytes` were parsed. */
  acknowledge(account: Account, bytes: number): void {
    account.outstanding -= bytes
  }

  #window(account: Account): number {
    if (account.share === 'hidden') return 0
    if (account.share === 'focused') return FOCUSED_BYTES
    const others = [...this.#accounts].filter((other) => other.share === 'visible').length
    return Math.max(OTHERS_LEAST_BYTES, Math.floor(OTHERS_BYTES / Math.max(1, others)))
  }
}
