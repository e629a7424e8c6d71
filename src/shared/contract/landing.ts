import { z } from 'zod'
import { LandRun } from '../domain/landing.ts'
import { Pull, PullCheck, ReviewThread } from '../domain/pull.ts'
import { ForgeKind, Repository } from '../domain/repository.ts'
import { procedure } from './errors.ts'

const ById = z.object({ id: z.string() })

/** Where the tokens of forges come from: never a token itself. */
export const TokenPlaces = z.object({
  /** This host has a keychain, in which tokens can be kept. */
  keychain: z.boolean(),
  hosts: z.array(
    z.object({
      host: z.string(),
      source: z.enum(['keychain', 'gh', 'environment']).nullable(),
      /** The last characters of one that was saved here; null for all others. */
      tail: z.string().max(4).nullable(),
    }),
  ),
})
export type TokenPlaces = z.infer<typeof TokenPlaces>

export const landing = {
  /** Landings that are under way, in the order of their lanes; with `all` also those that ended, newest first. */
  list: procedure
    .input(z.object({ repoId: z.string().optional(), all: z.boolean().optional() }))
    .output(z.array(LandRun)),
  /** Lets a landing stand still after the step that it is in. */
  pause: procedure.input(ById).output(LandRun),
  resume: procedure.input(ById).output(LandRun),
  /** Moves a landing before another one of its lane; null moves it to the end. */
  reorder: procedure.input(z.object({ id: z.string(), before: z.string().nullable() })).output(LandRun),
  /** Takes a landing out of its lane: the attempt is judged again. Fails once it is being merged. */
  remove: procedure.input(ById).output(LandRun),
}

export const pulls = {
  list: procedure
    .input(z.object({ repoId: z.string().optional(), all: z.boolean().optional() }))
    .output(z.array(Pull)),
  get: procedure
    .input(ById)
    .output(z.object({ pull: Pull, checks: z.array(PullCheck), threads: z.array(ReviewThread) })),
  /** Looks at the forge now. */
  refresh: procedure.input(ById).output(Pull),
  /** Answers a thread in the engineer's name. */
  reply: procedure
    .input(z.object({ threadId: z.string(), text: z.string().trim().min(1).max(60_000) }))
    .output(ReviewThread),
  /** Says whether anybody looks at the app: pull requests that wait for people are watched less often while nobody does. */
  attend: procedure.input(z.object({ focused: z.boolean() })).output(z.object({ ok: z.literal(true) })),
  /** How a repository lands: by git alone, or through pull requests of its forge (which is tried first). */
  setForge: procedure.input(z.object({ repoId: z.string(), forge: ForgeKind })).output(Repository),
  /** Where a repository is on its forge and where its token comes from (`keychain`, `environment`, `gh`, or null). */
  access: procedure.input(z.object({ repoId: z.string() })).output(
    z.object({
      host: z.string(),
      owner: z.string(),
      name: z.string(),
      apiBase: z.string(),
      token: z.string().nullable(),
    }),
  ),
  /** Where the token of each forge comes from. */
  tokens: procedure.output(TokenPlaces),
  /** Keeps a token in the keychain of the host (null forgets it); fails on hosts without one. */
  saveToken: procedure
    .input(z.object({ host: z.string().min(1).max(255), token: z.string().min(8).max(1_000).nullable() }))
    .output(z.object({ ok: z.literal(true) })),
}
