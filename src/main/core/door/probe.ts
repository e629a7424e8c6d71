import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

const Hello = z.object({ proof: z.string() })
const PROBE_MS = 3_000

/**
 * True when a core that knows `token` answers at `url`. Asked before the token is shown to whatever listens there: after
 * a crash another program, or another user, can have taken the port.
 */
export async function provesItself(url: string, token: string): Promise<boolean> {
  const nonce = randomBytes(24).toString('base64url')
  try {
    const answer = await fetch(new URL(`/hello?nonce=${nonce}`, url), {
      signal: AbortSignal.timeout(PROBE_MS),
      redirect: 'error',
    })
    const hello = Hello.safeParse(await answer.json())
    if (!hello.success) return false
    const given = Buffer.from(hello.data.proof)
    const right = Buffer.from(proofFor(token, nonce))
    return given.byteLength === right.byteLength && timingSafeEqual(given, right)
  } catch {
    // Nobody there, somebody silent, or somebody who speaks something else: none of them is ours.
    return false
  }
}

/** What only one who knows the token can answer to `nonce`. */
export function proofFor(token: string, nonce: string): string {
  return createHmac('sha256', token).update(`hello ${nonce}`).digest('base64url')
}
