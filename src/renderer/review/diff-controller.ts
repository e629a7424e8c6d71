/** What the keyboard can do in the diff that is on screen. */
export interface DiffController {
  stepHunk(by: 1 | -1): void
  stepFile(by: 1 | -1): void
  /** Moves the line that comments are written on; `extend` keeps where the choice began. */
  moveLine(by: number, extend: boolean): void
  toggleViewed(): void
  toggleFold(): void
  comment(): void
}

let shown: DiffController | null = null

/** Gives the keyboard to a diff until the returned function is called. */
export function showDiff(controller: DiffController): () => void {
  shown = controller
  return () => {
    if (shown === controller) shown = null
  }
}

export const shownDiff = (): DiffController | null => shown
