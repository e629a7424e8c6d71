import { ArrowDown, ArrowUp, ArrowUpDown, Crown } from 'lucide-react'
import { useEffect, useMemo, useRef } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Task } from '../../shared/domain/task.ts'
import { isUnfinished } from '../../shared/machines/attempt-machine.ts'
import { AgentIcon } from '../attempt/AgentIcon.tsx'
import { UndoBanner } from '../attempt/UndoBanner.tsx'
import { VerdictButtons } from '../attempt/VerdictButtons.tsx'
import { useEntities } from '../state/entities.ts'
import { checksOf, findingsOf } from '../state/evidence.ts'
import { focusedOf, shownAttempts } from '../state/selection.ts'
import { focusTile, useUi } from '../state/ui.ts'
import { EmptyState } from '../ui/EmptyState.tsx'
import { plainLine, plural, sha7 } from '../ui/format.ts'
import { useMinute } from '../ui/now.ts'
import { StatusIcon } from '../ui/StatusIcon.tsx'
import { ATTEMPT_LOOK } from '../ui/status-look.ts'
import {
  type MatrixCell,
  type MatrixColumn,
  type MatrixRow,
  matrixRows,
  sortedColumns,
} from './matrix-model.ts'
import { OverlapChip } from './OverlapChip.tsx'
import { evidenceRow, reviewsOf } from './review-state.ts'
import './matrix.css'

const GROUP_TITLE: Record<MatrixRow['group'], string> = {
  proof: 'Checks',
  review: 'Review',
  change: 'Change',
  cost: 'Cost',
}

/** All attempts of a round beside each other: what each proves, what was found, how large it is, what it cost. */
export default function MatrixPane({ task }: { task: Task }) {
  const attempts = useEntities(useShallow((state) => shownAttempts(state, task)))
  const remembered = useUi((state) => state.focusedTile[task.id])
  const sort = useUi((state) => state.matrixSort)
  const columns = useColumns(attempts)
  // Only while somebody is at work does time change a cell.
  const now = useMinute(attempts.some((attempt) => isUnfinished(attempt.status)))
  const rows = useMemo(() => matrixRows(columns, now), [columns, now])
  const order = sortedColumns(
    columns,
    rows.find((row) => row.id === sort?.row),
    sort?.reverse ?? false,
  )
  const focused = focusedOf(attempts, remembered)
  const scroll = useRef<HTMLElement>(null)
  useEffect(() => {
    // Tab and the arrow keys shall be in the matrix at once, unless somebody is at a control already.
    if (document.activeElement === document.body) scroll.current?.focus({ preventScroll: true })
  }, [])
  if (attempts.length === 0) return <EmptyState title="Nothing was fired yet" />
  return (
    <div className="matrix" data-testid="matrix">
      <section
        className="matrix-scroll"
        ref={scroll}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled table must be reachable with the keyboard
        tabIndex={0}
        aria-label="Attempts beside each other"
        onKeyDown={keepScrollKeys}
      >
        <table style={{ '--columns': attempts.length } as React.CSSProperties}>
          <thead>
            <tr>
              <th scope="col" className="matrix-corner">
                <span className="sr-only">What</span>
                {sort ? (
                  <button
                    type="button"
                    className="matrix-unsort"
                    onClick={() => useUi.setState({ matrixSort: null })}
                  >
                    Order of the slots
                  </button>
                ) : null}
              </th>
              {order.map((index) => {
                const attempt = attempts[index]
                return attempt ? (
                  <ColumnHead
                    key={attempt.id}
                    attempt={attempt}
                    focused={attempt.id === focused?.id}
                    wins={rows.filter((row) => row.cells[index]?.best).length}
                  />
                ) : null
              })}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, place) => (
              <Row
                key={row.id}
                row={row}
                order={order}
                attempts={attempts}
                focusedId={focused?.id}
                first={rows[place - 1]?.group !== row.group}
                sorted={sort?.row === row.id ? (sort.reverse ? 'reverse' : 'best first') : null}
              />
            ))}
            <ClaimRow order={order} columns={columns} focusedId={focused?.id} />
          </tbody>
        </table>
      </section>
    </div>
  )
}

/** Arrow keys scroll a matrix that is larger than its place; elsewhere they go through the tasks. */
function keepScrollKeys(event: React.KeyboardEvent<HTMLElement>): void {
  const { currentTarget, target, key } = event
  const scrolls = currentTarget.scrollHeight > currentTarget.clientHeight
  if (target === currentTarget && scrolls && (key === 'ArrowUp' || key === 'ArrowDown'))
    event.stopPropagation()
}

function useColumns(attempts: readonly Attempt[]): MatrixColumn[] {
  const checks = useEntities((state) => state.checks)
  const findings = useEntities((state) => state.findings)
  const reviews = useEntities((state) => state.reviews)
  const evidence = useEntities((state) => state.evidence)
  return useMemo(
    () =>
      attempts.map((attempt) => ({
        attempt,
        checks: checksOf({ checks }, attempt.id),
        findings: findingsOf({ findings }, attempt.id),
        reviews: reviewsOf({ reviews }, attempt.id),
        evidence: evidenceRow({ evidence }, attempt),
      })),
    [attempts, checks, findings, reviews, evidence],
  )
}

function ColumnHead({ attempt, focused, wins }: { attempt: Attempt; focused: boolean; wins: number }) {
  const look = ATTEMPT_LOOK[attempt.status]
  return (
    <th
      scope="col"
      className="matrix-head"
      data-focused={focused}
      data-status={attempt.status}
      data-testid={`matrix-${attempt.n}`}
    >
      <div className="matrix-title">
        <button
          type="button"
          className="matrix-name"
          aria-pressed={focused}
          aria-label={`Focus attempt ${attempt.n}`}
          onClick={() => focusTile(attempt.taskId, attempt.n)}
        >
          <span className="tile-n">{attempt.n}</span>
          <AgentIcon agent={attempt.agent} />
          <span className="truncate">{attempt.slot.scenario ?? attempt.slot.model ?? attempt.agent}</span>
        </button>
        <span className="spacer" />
        <OverlapChip attemptId={attempt.id} />
        {wins > 0 ? (
          <span className="matrix-wins num" title={`Best in ${plural(wins, 'row')}`}>
            <Crown size={11} aria-hidden="true" /> {wins}
          </span>
        ) : null}
      </div>
      <div className="matrix-status">
        <span className="tile-status" data-tone={look.tone}>
          <StatusIcon look={look} size={13} />
          {look.text}
        </span>
        <span className="mono rail-quiet" title="Its head">
          {sha7(attempt.headSha)}
        </span>
      </div>
      <VerdictButtons attempt={attempt} quiet={!focused} />
      <UndoBanner attempt={attempt} />
    </th>
  )
}

function Row(props: {
  row: MatrixRow
  order: readonly number[]
  attempts: readonly Attempt[]
  focusedId: string | undefined
  first: boolean
  sorted: 'best first' | 'reverse' | null
}) {
  const { row, order, attempts, focusedId, first, sorted } = props
  const sub = row.id.includes(':')
  const sortBy = () =>
    useUi.setState({
      matrixSort:
        sorted === null
          ? { row: row.id, reverse: false }
          : sorted === 'best first'
            ? { row: row.id, reverse: true }
            : null,
    })
  const Arrow = sorted === null ? ArrowUpDown : sorted === 'reverse' ? ArrowUp : ArrowDown
  return (
    <tr data-first={first} data-row={row.id}>
      <th scope="row" className="matrix-row-head" data-sub={sub}>
        <button
          type="button"
          className="matrix-sort"
          aria-pressed={sorted !== null}
          title={`Sort the attempts by ${row.title.toLowerCase()}${sorted ? ` (${sorted})` : ''}`}
          onClick={sortBy}
        >
          <span className="truncate">{row.title}</span>
          <Arrow size={11} aria-hidden="true" />
          <span className="sr-only">
            {GROUP_TITLE[row.group]}
            {sorted ? `, sorted, ${sorted}` : ''}
          </span>
        </button>
      </th>
      {order.map((index) => {
        const attempt = attempts[index]
        const cell = row.cells[index]
        return attempt && cell ? (
          <Cell key={attempt.id} cell={cell} focused={attempt.id === focusedId} />
        ) : null
      })}
    </tr>
  )
}

function Cell({ cell, focused }: { cell: MatrixCell; focused: boolean }) {
  const detail = [cell.detail, cell.stale ? 'Of an older commit: the head has moved on.' : null]
    .filter(Boolean)
    .join('\n')
  return (
    <td
      className="num"
      data-tone={cell.tone}
      data-stale={cell.stale || undefined}
      data-best={cell.best || undefined}
      data-focused={focused}
      title={detail || undefined}
    >
      <span className="matrix-value">
        {cell.text}
        {cell.best ? (
          <span className="matrix-best">
            <Crown size={11} aria-hidden="true" /> best
          </span>
        ) : null}
        {cell.stale ? <span className="matrix-stale">stale</span> : null}
      </span>
    </td>
  )
}

/** What each agent said when it finished: its word, not ours, and quoted as that. */
function ClaimRow({
  order,
  columns,
  focusedId,
}: {
  order: readonly number[]
  columns: readonly MatrixColumn[]
  focusedId: string | undefined
}) {
  if (columns.every((column) => !column.evidence?.claim)) return null
  return (
    <tr data-first="true" data-row="claim">
      <th scope="row" className="matrix-row-head">
        Its own word
      </th>
      {order.map((index) => {
        const column = columns[index]
        if (!column) return null
        const claim = column.evidence?.claim
        return (
          <td key={column.attempt.id} className="matrix-claim" data-focused={column.attempt.id === focusedId}>
            {claim ? <q title={plainLine(claim, 2_000)}>{plainLine(claim, 400)}</q> : '–'}
          </td>
        )
      })}
    </tr>
  )
}
