/** What a picture takes in memory, about: base64 is text of one byte a character. */
interface Sized {
  base64: string
}

/** Of all pictures together: rows come and go while one scrolls, and each would be asked for again. */
const MAX_CHARS = 32 * 1024 * 1024

/** The pictures that were shown last, the oldest forgotten first. */
export class PictureCache<T extends Sized> {
  readonly #kept = new Map<string, T>()
  readonly #max: number
  #chars = 0

  constructor(max = MAX_CHARS) {
    this.#max = max
  }

  get(key: string): T | undefined {
    const found = this.#kept.get(key)
    if (!found) return undefined
    this.#kept.delete(key)
    this.#kept.set(key, found)
    return found
  }

  put(key: string, picture: T): void {
    this.#forget(key)
    this.#kept.set(key, picture)
    this.#chars += picture.base64.length
    for (const oldest of this.#kept.keys()) {
      if (this.#chars <= this.#max || oldest === key) return
      this.#forget(oldest)
    }
  }

  #forget(key: string): void {
    this.#chars -= this.#kept.get(key)?.base64.length ?? 0
    this.#kept.delete(key)
  }
}
