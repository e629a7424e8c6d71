/** Shapes of secrets that must never reach a log, a fact or the search index. */
const SHAPES: readonly RegExp[] = [
  /\bgh[pousr]_[A-Za-z0-9]{30,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{22,255}\b/g,
  /\bglpat-[A-Za-z0-9_-]{20,}\b/g,
  /\bsk-(?:ant-|proj-|live-|test-)?[A-Za-z0-9_-]{20,}\b/g,
  /\blin_api_[A-Za-z0-9]{30,}\b/g,
  /\bxox[abeprs]-[A-Za-z0-9-]{10,}\b/g,
  /\bAKIA[0-9A-Z]{16}\b/g,
  /\bAIza[0-9A-Za-z_-]{35}\b/g,
  /\bnpm_[A-Za-z0-9]{36}\b/g,
  /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g,
  /(?<=\bBearer\s)[A-Za-z0-9._~+/-]{16,}=*/gi,
  /(?<=:\/\/[^\s/:@]{1,100}:)[^\s/@]+(?=@)/g,
]

/** Removes secrets from text: the known shapes, and exact values that were registered. */
export class Redactor {
  readonly #values = new Set<string>()

  /** Registers an exact value (a token of ours). Short ones are ignored: they would blank ordinary words. */
  add(value: string): void {
    if (value.length >= 8) this.#values.add(value)
  }

  /** A copy of plain data (as JSON knows it) in which every string is without secrets. */
  data(input: unknown): unknown {
    if (typeof input === 'string') return this.text(input)
    if (Array.isArray(input)) return input.map((each) => this.data(each))
    if (typeof input !== 'object' || input === null) return input
    return Object.fromEntries(Object.entries(input).map(([key, value]) => [key, this.data(value)]))
  }

  text(input: string): string {
    let out = input
    for (const value of this.#values) out = out.replaceAll(value, '[redacted]')
    for (const shape of SHAPES) out = out.replace(shape, '[redacted]')
    return out
  }
}
