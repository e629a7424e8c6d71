/** Larger than this is not something a program copies for a person. */
const MAX_COPY_BYTES = 100_000

/**
 * The text that an OSC 52 sequence wants to put on the clipboard: null for a query (never answered), for anything that
 * is not valid and for what is too large. `data` is what follows `52;`.
 */
export function clipboardText(data: string): string | null {
  const at = data.indexOf(';')
  if (at < 0) return null
  const payload = data.slice(at + 1)
  if (payload === '?' || payload === '' || payload.length > (MAX_COPY_BYTES * 4) / 3) return null
  try {
    const binary = atob(payload)
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(binary, (c) => c.charCodeAt(0)))
  } catch {
    return null
  }
}
