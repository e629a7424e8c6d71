/** One holder per key; waiters are served in the order they came. */
export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>()

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve()
    let release = () => {}
    const mine = new Promise<void>((resolve) => {
      release = resolve
    })
    const tail = before.then(() => mine)
    this.#tails.set(key, tail)
    await before
    try {
      return await work()
    } finally {
      release()
      // The last one out removes the key: the map holds only what is in use.
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }
}
