import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

/** A prefixed, sortable id: 48 bits of time, 50 bits of chance, in Crockford's base 32 (`att_0k3…`). Minted by core only. */
export function mintId(prefix: string, now: number = Date.now()): string {
  let time = ''
  for (let rest = now, i = 0; i < 10; i++) {
    time = ALPHABET[rest % 32] + time
    rest = Math.floor(rest / 32)
  }
  const chance = Array.from(randomBytes(10), (byte) => ALPHABET[byte % 32]).join('')
  return `${prefix}_${time}${chance}`
}

/** Six characters of chance, for names that people read. */
export function shortId(): string {
  return Array.from(randomBytes(6), (byte) => ALPHABET[byte % 32]).join('')
}
