import { Settings } from '../../shared/domain/settings.ts'
import { Emitter } from '../kernel/emitter.ts'
import type { Ledger } from './db/ledger.ts'

/** The engineer's settings: one validated value, saved as a whole. */
export class SettingsStore {
  readonly changed = new Emitter<Settings>()
  readonly #ledger: Ledger
  #value: Settings

  constructor(ledger: Ledger) {
    this.#ledger = ledger
    // Settings that an older or newer version wrote are taken as far as they are valid.
    this.#value = Settings.safeParse(ledger.setting('settings') ?? {}).data ?? Settings.parse({})
  }

  get value(): Settings {
    return this.#value
  }

  save(change: Partial<Settings>): Settings {
    this.#value = Settings.parse({ ...this.#value, ...change })
    this.#ledger.saveSetting('settings', this.#value)
    this.#ledger.commit((tx) =>
      tx.fact({ kind: 'settings.changed', actor: 'engineer', body: { keys: Object.keys(change) } }),
    )
    this.changed.emit(this.#value)
    return this.#value
  }
}
