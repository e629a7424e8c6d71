import { z } from 'zod'
import { FailureCode } from '../../shared/domain/failure.ts'

/** What main says to the core's process. `connect` carries two ports: the contract and terminals, in this order. */
export const ToCore = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connect') }),
  z.object({ type: z.literal('busy?'), id: z.number().int() }),
  z.object({ type: z.literal('end'), stopAgents: z.boolean() }),
  /** What the keychain answers: whether there is one, what was kept, or why it refuses. */
  z.object({
    type: z.literal('secret'),
    id: z.number().int(),
    yes: z.boolean(),
    value: z.string().nullable(),
    problem: z.string().nullable(),
  }),
])
export type ToCore = z.infer<typeof ToCore>

/** What the core's process says to main. */
export const FromCore = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), url: z.string() }),
  /** It cannot start, and trying again would not help. `url` is where another core runs that holds the data. */
  z.object({
    type: z.literal('failed'),
    code: FailureCode,
    message: z.string(),
    url: z.string().nullable(),
  }),
  z.object({ type: z.literal('busy'), id: z.number().int(), busy: z.boolean() }),
  /** Asks something of the keychain. `write` with a null value forgets. */
  z.object({
    type: z.literal('secret'),
    id: z.number().int(),
    op: z.enum(['available', 'read', 'write']),
    name: z.string().max(300),
    value: z.string().max(1_000).nullable(),
  }),
  /** It was asked to end, by us or by a client, and has ended. */
  z.object({ type: z.literal('ended') }),
])
export type FromCore = z.infer<typeof FromCore>
