import type { SecretStore } from '../kernel/secret-store.ts'
import { type FromCore, type ToCore, ToCore as ToCoreMessage } from './core-messages.ts'

// The keychain can be reached from Electron's main process only, its user is the core in a process of its own: this is the
// line between them. A secret goes over it when it is needed and is kept at neither end.

type Ask = Extract<FromCore, { type: 'secret' }>
type Answer = Extract<ToCore, { type: 'secret' }>

/** A keychain may ask its user for a password first. */
const ANSWER_MS = 120_000

interface Line {
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown
  postMessage(message: unknown): void
}

/** The core's end: the keychain of main. */
export function askKeychain(line: Line): SecretStore {
  const waiting = new Map<number, { done: (answer: Answer) => void }>()
  let last = 0
  line.on('message', ({ data }) => {
    const message = ToCoreMessage.safeParse(data)
    if (message.success && message.data.type === 'secret') waiting.get(message.data.id)?.done(message.data)
  })
  const ask = (op: Ask['op'], name: string, value: string | null): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const id = ++last
      const timer = setTimeout(() => {
        waiting.delete(id)
        reject(new Error('The keychain did not answer.'))
      }, ANSWER_MS)
      timer.unref()
      waiting.set(id, {
        done: (answer) => {
          clearTimeout(timer)
          waiting.delete(id)
          if (answer.problem === null) resolve(answer)
          else reject(new Error(answer.problem))
        },
      })
      line.postMessage({ type: 'secret', id, op, name, value } satisfies FromCore)
    })
  return {
    available: async () => (await ask('available', '', null)).yes,
    read: async (name) => (await ask('read', name, null)).value,
    write: async (name, value) => void (await ask('write', name, value)),
  }
}

/** Main's end: what the keychain says to one question. Never throws: a refusal is an answer. */
export async function answerFrom(keychain: SecretStore, question: Ask): Promise<Answer> {
  const answer: Answer = { type: 'secret', id: question.id, yes: false, value: null, problem: null }
  try {
    const yes = await keychain.available()
    if (question.op === 'available' || !yes) return { ...answer, yes }
    if (question.op === 'read') return { ...answer, yes, value: await keychain.read(question.name) }
    await keychain.write(question.name, question.value)
    return { ...answer, yes }
  } catch (error) {
    return { ...answer, problem: error instanceof Error ? error.message : String(error) }
  }
}
