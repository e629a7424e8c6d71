import { eventIterator } from '@orpc/contract'
import { z } from 'zod'
import { Fact } from '../domain/fact.ts'
import { AgentInfo, DoctorLine, SystemInfo } from '../domain/host.ts'
import { Settings } from '../domain/settings.ts'
import { StatePush } from '../state/tables.ts'
import { procedure } from './errors.ts'

export const system = {
  info: procedure.output(SystemInfo),
  agents: procedure.input(z.object({ refresh: z.boolean().optional() })).output(z.array(AgentInfo)),
  doctor: procedure.output(z.array(DoctorLine)),
  settings: procedure.output(Settings),
  saveSettings: procedure.input(Settings.partial()).output(Settings),
  /** Ends the core. With `stopAgents` the agents end too, otherwise they go on and are found again at the next start. */
  shutdown: procedure.input(z.object({ stopAgents: z.boolean() })).output(z.object({ ok: z.literal(true) })),
}

export const state = {
  /** The state and its changes (`StatePush`). A client that knows a recent state says so and gets only what changed since. */
  subscribe: procedure
    .input(
      z.object({
        clientId: z.string().max(64),
        known: z.object({ epoch: z.string(), seq: z.number().int() }).nullable(),
      }),
    )
    .output(eventIterator(StatePush)),
  /** Says up to where pushes were applied; a client that does not is not pushed to any further and resyncs later. */
  ack: procedure
    .input(z.object({ clientId: z.string().max(64), seq: z.number().int() }))
    .output(z.object({ ok: z.literal(true) })),
}

export const history = {
  /** Facts, newest first. */
  facts: procedure
    .input(
      z.object({
        taskId: z.string().optional(),
        attemptId: z.string().optional(),
        before: z.number().int().optional(),
        limit: z.number().int().min(1).max(1_000).default(200),
      }),
    )
    .output(z.array(Fact)),
}
