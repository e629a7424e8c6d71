const EMPTY = new Uint8Array(0)

/** How many bytes at the end of `bytes` (from `from`) begin a UTF-8 character that is not complete. */
export function incompleteUtf8(bytes: Uint8Array, from: number): number {
  const end = bytes.length
  for (let back = 1; back <= 3 && end - back >= from; back++) {
    const byte = bytes[end - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) {
      const need = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return need > back ? back : 0
    }
  }
  return 0
}

/** One array of all parts; the part itself when there is only one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 0) return EMPTY
  if (parts.length === 1) return parts[0]!
  let size = 0
  for (const part of parts) size += part.length
  const out = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}
