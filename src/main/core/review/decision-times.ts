import type { Ledger } from '../db/ledger.ts'

/** Verdicts that are looked at, the newest first. */
const MAX_VERDICTS = 1_000
const RECENT = 50

export interface DecisionTimes {
  /** Verdicts with a known time. */
  count: number
  /** ms from ready to verdict; null without any. */
  medianMs: number | null
  p90Ms: number | null
  /** The newest ones, newest first. */
  recent: { attemptId: string | null; taskId: string | null; kind: string; at: number; ms: number }[]
}

/** How long the engineer took from ready to verdict, over the newest verdicts of one repository or all. */
export function decisionTimes(ledger: Ledger, repoId: string | undefined): DecisionTimes {
  const facts = ledger.facts({ kind: 'verdict.given', repoId, limit: MAX_VERDICTS })
  const given = facts.flatMap((fact) => {
    const { decidedInMs, kind } = fact.body
    return typeof decidedInMs === 'number' && typeof kind === 'string'
      ? [{ attemptId: fact.attemptId, taskId: fact.taskId, kind, at: fact.at, ms: decidedInMs }]
      : []
  })
  const sorted = given.map((verdict) => verdict.ms).sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
  return { count: sorted.length, medianMs: at(0.5), p90Ms: at(0.9), recent: given.slice(0, RECENT) }
}
