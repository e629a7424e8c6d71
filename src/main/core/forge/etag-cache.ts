/** One answer of the forge with the mark by which it can be asked for again cheaply. */
export interface CachedAnswer {
  etag: string
  status: number
  headers: Record<string, string | number | undefined>
  /** The body as it came. */
  data: unknown
  uses: number
}

/** Answers kept per repository: pages of pull requests, checks and comments of those that are open. */
const MAX_ANSWERS = 256
/** A server that wrongly says "not modified" must not hold us for ever: so often an answer is used, then asked for in full. */
const MAX_USES = 40

/** Answers by URL, the least recently used goes first. Requests that end in "304 Not Modified" cost nothing of the budget. */
export class EtagCache {
  readonly #answers = new Map<string, CachedAnswer>()

  /** The mark to ask with; undefined when the answer must come in full. */
  etagFor(url: string): string | undefined {
    const answer = this.#answers.get(url)
    return answer && answer.uses < MAX_USES ? answer.etag : undefined
  }

  /** The kept answer, after the forge said that it still holds. */
  reuse(url: string): CachedAnswer | undefined {
    const answer = this.#answers.get(url)
    if (!answer) return undefined
    answer.uses++
    this.#answers.delete(url)
    this.#answers.set(url, answer)
    return answer
  }

  keep(url: string, answer: Omit<CachedAnswer, 'uses'>): void {
    this.#answers.delete(url)
    this.#answers.set(url, { ...answer, uses: 0 })
    const oldest = this.#answers.keys().next().value
    if (this.#answers.size > MAX_ANSWERS && oldest !== undefined) this.#answers.delete(oldest)
  }

  /** After a write of ours nothing that was read before counts. */
  clear(): void {
    this.#answers.clear()
  }
}
