import type { Attempt, Check, Finding } from '../../../shared/domain/attempt.ts'
import type { Task } from '../../../shared/domain/task.ts'

const TITLE_CHARS = 200
const BRIEF_CHARS = 4_000
const BEGIN = '<!-- quartet:evidence -->'
const END = '<!-- /quartet:evidence -->'

export interface PullFacts {
  task: Pick<Task, 'id' | 'title' | 'brief' | 'round'>
  attempt: Pick<Attempt, 'id' | 'n' | 'agent' | 'slot' | 'diffstat' | 'usage'>
  headSha: string
  reviewedSha: string | null
  /** Of any head; only those of `headSha` are shown as evidence. */
  checks: readonly Check[]
  findings: readonly Finding[]
}

/** Title of the pull request: the task's, on one line. */
export function pullTitle(task: Pick<Task, 'title'>): string {
  const title = task.title.replace(/\s+/g, ' ').trim()
  return title.length > TITLE_CHARS ? `${title.slice(0, TITLE_CHARS - 1)}…` : title
}

/** The body of a new pull request: what was asked, and the evidence, bound to its commit. */
export function pullBody(facts: PullFacts): string {
  const brief = inert(facts.task.brief.trim())
  const cut = brief.length > BRIEF_CHARS ? `${brief.slice(0, BRIEF_CHARS)}…` : brief
  return [cut === pullTitle(facts.task) ? '' : cut, evidence(facts)].filter(Boolean).join('\n\n')
}

/** `body` with the evidence brought up to date; what people wrote around it stays. */
export function withEvidence(body: string, facts: PullFacts): string {
  const from = body.indexOf(BEGIN)
  const to = body.indexOf(END, from)
  if (from < 0 || to < 0) return `${body.trimEnd()}\n\n${evidence(facts)}`.trimStart()
  return `${body.slice(0, from)}${evidence(facts)}${body.slice(to + END.length)}`
}

function evidence(facts: PullFacts): string {
  const { attempt, headSha, reviewedSha } = facts
  const checks = facts.checks.filter((check) => check.headSha === headSha)
  const rows: [string, string][] = [
    ['Commit', `\`${headSha.slice(0, 12)}\``],
    [
      'Judged mergeable',
      reviewedSha === null
        ? 'not by a person'
        : reviewedSha === headSha
          ? 'by a person, exactly this commit'
          : `by a person at \`${reviewedSha.slice(0, 12)}\`; since then the base was merged in`,
    ],
    ...checks.map((check): [string, string] => [
      `Check ${cell(check.name)}${check.required ? '' : ' (optional)'}`,
      `${check.status === 'passed' ? '✅ passed' : `❌ ${check.status.replace('_', ' ')}`}${check.durationMs === null ? '' : ` in ${seconds(check.durationMs)}`}`,
    ]),
    ['Findings of reviewers', findingsLine(facts.findings)],
  ]
  if (checks.length === 0) rows.splice(2, 0, ['Checks', 'none ran on this commit'])
  if (attempt.diffstat)
    rows.push([
      'Size',
      `${attempt.diffstat.files} files, +${attempt.diffstat.added} −${attempt.diffstat.removed}`,
    ])
  rows.push([
    'Written by',
    `${cell(attempt.agent)}${attempt.slot.model ? ` (${cell(attempt.slot.model)})` : ''}, attempt ${attempt.n} of round ${facts.task.round}`,
  ])
  if (attempt.usage) {
    const tokens = attempt.usage.inputTokens + attempt.usage.outputTokens
    rows.push([
      'Tokens',
      `${tokens.toLocaleString('en')}${attempt.usage.cost === null ? '' : ` · $${attempt.usage.cost.toFixed(2)}`}`,
    ])
  }
  return [
    BEGIN,
    '| Evidence | |',
    '| --- | --- |',
    ...rows.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    `<sub>Quartet task \`${facts.task.id}\`, attempt \`${attempt.id}\`</sub>`,
    END,
  ].join('\n')
}

function findingsLine(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'none'
  const open = findings.filter((finding) => finding.status === 'open' || finding.status === 'accepted')
  const counts = (['P0', 'P1', 'P2', 'P3'] as const).flatMap((priority) => {
    const count = findings.filter((finding) => finding.priority === priority).length
    return count > 0 ? [`${priority} × ${count}`] : []
  })
  return `${counts.join(', ')}; ${open.length} open`
}

const seconds = (ms: number) => (ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`)
/** A cell of a table, on one line and without its bars. */
const cell = (text: string) => inert(text.replace(/[\r\n|]+/g, ' ').slice(0, 120))
/** Our own marks in somebody's text would be taken for ours. */
const inert = (text: string) => text.replaceAll('<!-- quartet:', '<!-- quoted:').replaceAll(END, '')
