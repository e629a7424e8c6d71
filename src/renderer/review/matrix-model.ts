import type { Attempt, AttemptStatus, Check, Finding } from '../../shared/domain/attempt.ts'
import type { Evidence, FileKind, Review } from '../../shared/domain/review.ts'
import { blockersOf, isRed, latestChecks } from '../state/evidence.ts'
import { compact, money, plural, stint, took } from '../ui/format.ts'
import { openFindings, reviewStateOf } from './review-state.ts'

/** What the core knows of one attempt. */
export interface MatrixColumn {
  attempt: Attempt
  checks: readonly Check[]
  findings: readonly Finding[]
  reviews: readonly Review[]
  /** Of the head that the attempt has now, else the newest there is; null when none was gathered. */
  evidence: Evidence | null
}

export type CellTone = 'plain' | 'quiet' | 'ok' | 'warn' | 'bad' | 'run'

export interface MatrixCell {
  /** Short text; '–' when nothing is known. */
  text: string
  /** More of it, for the tooltip and for readers of the screen. */
  detail: string | null
  tone: CellTone
  /** What it is sorted and judged by; null when nothing is known, which is never best. */
  value: number | null
  /** Of an older head than the attempt has. */
  stale: boolean
  best: boolean
}

export type MatrixGroup = 'proof' | 'review' | 'change' | 'cost'

export interface MatrixRow {
  id: string
  title: string
  group: MatrixGroup
  /** Which end is the better one; null when neither is. */
  better: 'less' | 'more' | null
  cells: MatrixCell[]
}

const NOTHING: MatrixCell = { text: '–', detail: null, tone: 'quiet', value: null, stale: false, best: false }

const cell = (text: string, value: number | null, rest: Partial<MatrixCell> = {}): MatrixCell => ({
  ...NOTHING,
  tone: 'plain',
  text,
  value,
  ...rest,
})

/** Attempts that cannot win any more do not set the best of a row. */
const competes = ({ attempt, checks, findings }: MatrixColumn, group: MatrixGroup): boolean => {
  if (!COMPETING.has(attempt.status)) return false
  // The smallest change that breaks something is not the best change.
  return group === 'proof' || group === 'review' || blockersOf(checks, findings).length === 0
}

const COMPETING: ReadonlySet<AttemptStatus> = new Set([
  'reviewing',
  'ready',
  'mergeable',
  'landing',
  'landed',
])

/** The matrix of some attempts: one cell per column and row. `now` in ms. */
export function matrixRows(columns: readonly MatrixColumn[], now: number): MatrixRow[] {
  const row = (
    id: string,
    title: string,
    group: MatrixGroup,
    better: MatrixRow['better'],
    of: (column: MatrixColumn) => MatrixCell,
  ): MatrixRow => ({ id, title, group, better, cells: columns.map(of) })

  const names = [
    ...new Set(columns.flatMap((column) => latestChecks(column.checks).map((check) => check.name))),
  ]
  const rows: MatrixRow[] = [
    row('checks', 'Checks', 'proof', 'more', checksCell),
    ...names.map((name) => row(`check:${name}`, name, 'proof', null, (column) => checkCell(column, name))),
    row('findings', 'Findings', 'review', 'less', findingsCell),
    row('secrets', 'Secrets', 'review', 'less', (column) => secretsCell(column)),
    row('unusual', 'Unusual files', 'review', 'less', unusualCell),
    row('size', 'Lines', 'change', 'less', sizeCell),
    ...(['source', 'tests', 'docs', 'generated'] as const).map((kind) =>
      row(`kind:${kind}`, KIND_TITLE[kind], 'change', kind === 'source' ? 'less' : null, (column) =>
        kindCell(column, kind),
      ),
    ),
    row('files', 'Files', 'change', 'less', filesCell),
    row('tests', 'Tests added', 'change', 'more', testsCell),
    row('dependencies', 'Dependencies', 'change', 'less', dependenciesCell),
    row('time', 'Time at work', 'cost', 'less', (column) => timeCell(column.attempt, now)),
    row('tokens', 'Tokens', 'cost', 'less', ({ attempt }) => {
      const { usage } = attempt
      if (!usage) return NOTHING
      const tokens = usage.inputTokens + usage.outputTokens
      return cell(compact(tokens), tokens, {
        detail: `${compact(usage.inputTokens)} in, ${compact(usage.outputTokens)} out, ${compact(usage.cachedTokens)} from the cache`,
      })
    }),
    row('cost', 'Cost', 'cost', 'less', ({ attempt }) => {
      if (!attempt.usage) return NOTHING
      const { cost } = attempt.usage
      return cost === null
        ? { ...NOTHING, text: 'unknown', detail: 'No price is known for this model.' }
        : cell(money(cost), cost)
    }),
  ]
  for (const one of rows) markBest(one, columns)
  return rows.filter((one) => one.id === 'checks' || one.cells.some((each) => each.text !== NOTHING.text))
}

const KIND_TITLE: Record<FileKind, string> = {
  source: 'Source',
  tests: 'Tests',
  docs: 'Docs',
  generated: 'Generated',
}

/**
 * Marks the best cells of a row: of attempts that can still win, by fresh values, and only when the attempts differ. What
 * all share is no reason to prefer one.
 */
function markBest(row: MatrixRow, columns: readonly MatrixColumn[]): void {
  if (row.better === null) return
  const able = row.cells.flatMap((each, index) => {
    const column = columns[index]
    return column && competes(column, row.group) && each.value !== null && !each.stale ? [each] : []
  })
  const values = able.map((each) => each.value ?? 0)
  if (values.length < 2) return
  const best = row.better === 'less' ? Math.min(...values) : Math.max(...values)
  if (values.every((value) => value === best)) return
  for (const each of able) each.best = each.value === best
}

/**
 * The order of columns by one row: the best first, the unknown last, slot order among equals. `reverse` turns only what
 * is known.
 */
export function sortedColumns(
  columns: readonly MatrixColumn[],
  row: MatrixRow | undefined,
  reverse: boolean,
): number[] {
  const order = columns.map((_, index) => index)
  if (!row) return order
  const sign = (row.better === 'more' ? -1 : 1) * (reverse ? -1 : 1)
  return order.sort((a, b) => {
    const x = row.cells[a]?.value ?? null
    const y = row.cells[b]?.value ?? null
    if (x === null || y === null) return Number(x === null) - Number(y === null) || a - b
    return sign * (x - y) || a - b
  })
}

function checksCell({ attempt, checks }: MatrixColumn): MatrixCell {
  const latest = latestChecks(checks)
  if (latest.length === 0) return NOTHING
  const passed = latest.filter((check) => check.status === 'passed').length
  const red = latest.filter(isRed).length
  const busy = latest.some((check) => check.status === 'running' || check.status === 'queued')
  return cell(`${passed} of ${latest.length}`, busy ? null : passed, {
    tone: red > 0 ? 'bad' : busy ? 'run' : passed === latest.length ? 'ok' : 'warn',
    detail: red > 0 ? `${red} failed` : busy ? 'still at it' : passed === latest.length ? 'all passed' : null,
    stale: latest.some((check) => check.headSha !== attempt.headSha),
  })
}

function checkCell({ attempt, checks }: MatrixColumn, name: string): MatrixCell {
  const check = latestChecks(checks).find((one) => one.name === name)
  if (!check) return NOTHING
  const stale = check.headSha !== attempt.headSha
  const time = check.durationMs === null ? '' : ` in ${took(check.durationMs)}`
  switch (check.status) {
    case 'passed':
      return cell(`passed${time}`, check.durationMs, { tone: 'ok', stale })
    case 'failed':
    case 'timed_out':
      return cell(check.status === 'failed' ? `failed${time}` : 'timed out', null, {
        tone: 'bad',
        detail: check.summary || null,
        stale,
      })
    default:
      return cell(check.status, null, { tone: check.status === 'running' ? 'run' : 'quiet', stale })
  }
}

/** A P0 outweighs any number of lesser ones, and so on down. */
const WEIGHT: Record<Finding['priority'], number> = { P0: 1_000_000, P1: 10_000, P2: 100, P3: 1 }

function findingsCell({ attempt, findings, reviews }: MatrixColumn): MatrixCell {
  const state = reviewStateOf(attempt, reviews, findings)
  const open = openFindings(findings)
  const counts = (['P0', 'P1', 'P2', 'P3'] as const)
    .map((priority) => [priority, open.filter((one) => one.priority === priority).length] as const)
    .filter(([, count]) => count > 0)
  const text = counts.map(([priority, count]) => `${priority}×${count}`).join(' ')
  const weight = open.reduce((sum, one) => sum + WEIGHT[one.priority], 0)
  const worst = counts[0]?.[0]
  const tone: CellTone = worst === 'P0' ? 'bad' : worst === 'P1' ? 'warn' : 'plain'
  switch (state.kind) {
    case 'none':
      return text ? cell(text, null, { tone }) : NOTHING
    case 'waiting':
      return cell(text || 'in review…', null, { tone: text ? tone : 'run', detail: state.text })
    case 'missing':
      // Never “no findings”: nobody looked.
      return cell(text ? `${text}, no review` : 'no review', null, {
        tone: worst === 'P0' ? 'bad' : 'warn',
        detail: state.text,
      })
    case 'partial':
      return cell(`${text || none(findings)}, ${state.missing} missing`, null, {
        tone: text ? tone : 'warn',
        detail: state.text,
        stale: state.stale,
      })
    case 'done':
      return cell(text || none(findings), weight, {
        tone: text ? tone : 'ok',
        detail: state.text,
        stale: state.stale,
      })
  }
}

const none = (findings: readonly Finding[]): string => (findings.length > 0 ? 'none open' : 'none')

const staleEvidence = ({ attempt, evidence }: MatrixColumn): boolean =>
  evidence !== null && evidence.headSha !== attempt.headSha

function secretsCell(column: MatrixColumn): MatrixCell {
  const { evidence } = column
  if (!evidence) return NOTHING
  const count = evidence.secrets.length
  return cell(count === 0 ? 'none found' : plural(count, 'secret'), count, {
    tone: count > 0 ? 'bad' : 'quiet',
    detail: evidence.secrets.map((one) => `${one.file}:${one.line} ${one.message}`).join('\n') || null,
    stale: staleEvidence(column),
  })
}

function unusualCell(column: MatrixColumn): MatrixCell {
  const { evidence } = column
  if (!evidence) return NOTHING
  const count = evidence.unusual.length
  return cell(count === 0 ? 'none' : plural(count, 'file'), count, {
    tone: count > 0 ? 'warn' : 'quiet',
    detail: evidence.unusual.map((one) => `${one.path}: ${one.why}`).join('\n') || null,
    stale: staleEvidence(column),
  })
}

const lines = (added: number, removed: number): string => `+${compact(added)} −${compact(removed)}`

/** An attempt that changed nothing is not the smallest solution: it is none. */
const sizeValue = (total: number): number | null => (total === 0 ? null : total)

function sizeCell({ attempt }: MatrixColumn): MatrixCell {
  const stat = attempt.diffstat
  if (!stat) return NOTHING
  if (stat.files === 0) return cell('no changes', null, { tone: 'quiet' })
  return cell(lines(stat.added, stat.removed), sizeValue(stat.added + stat.removed), {
    detail: stat.uncommitted ? 'Some of it is not committed.' : null,
  })
}

function kindCell(column: MatrixColumn, kind: FileKind): MatrixCell {
  const stat = column.evidence?.kinds[kind]
  if (!stat || stat.files === 0) return NOTHING
  return cell(lines(stat.added, stat.removed), sizeValue(stat.added + stat.removed), {
    detail: plural(stat.files, 'file'),
    tone: kind === 'generated' ? 'quiet' : 'plain',
    stale: staleEvidence(column),
  })
}

function filesCell({ attempt }: MatrixColumn): MatrixCell {
  if (!attempt.diffstat) return NOTHING
  return cell(String(attempt.diffstat.files), sizeValue(attempt.diffstat.files))
}

function testsCell(column: MatrixColumn): MatrixCell {
  const tests = column.evidence?.tests
  if (!tests) return NOTHING
  const text = tests.removed > 0 ? `+${tests.added} −${tests.removed}` : String(tests.added)
  return cell(text, tests.added - tests.removed, {
    tone: tests.removed > tests.added ? 'warn' : 'plain',
    detail: tests.removed > 0 ? `${plural(tests.removed, 'test')} removed` : null,
    stale: staleEvidence(column),
  })
}

function dependenciesCell(column: MatrixColumn): MatrixCell {
  const changes = column.evidence?.dependencies
  if (!changes) return NOTHING
  const added = changes.filter((one) => one.from === null).length
  const removed = changes.filter((one) => one.to === null).length
  const moved = changes.length - added - removed
  const text = [added ? `+${added}` : '', removed ? `−${removed}` : '', moved ? `${moved} changed` : '']
    .filter(Boolean)
    .join(' ')
  return cell(text || 'none', changes.length, {
    tone: added > 0 ? 'warn' : text ? 'plain' : 'quiet',
    detail: changes.map((one) => `${one.name} ${one.from ?? '–'} → ${one.to ?? 'gone'}`).join('\n') || null,
    stale: staleEvidence(column),
  })
}

function timeCell(attempt: Attempt, now: number): MatrixCell {
  if (attempt.startedAt === null) return NOTHING
  const end = attempt.readyAt ?? attempt.endedAt
  const ms = (end ?? now) - attempt.startedAt
  return cell(end === null ? stint(ms) : took(ms), end === null ? null : ms, {
    tone: end === null ? 'run' : 'plain',
  })
}
