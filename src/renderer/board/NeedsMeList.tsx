import {
  CircleHelp,
  CirclePause,
  FileWarning,
  GitPullRequestArrow,
  KeyRound,
  type LucideIcon,
  MailWarning,
  OctagonAlert,
  RotateCcw,
  Scale,
  ShieldAlert,
  Timer,
  Zap,
} from 'lucide-react'
import type { Attention } from '../../shared/domain/attempt.ts'
import { type NeedsMe, needsMe } from '../../shared/state/selectors.ts'
import { useEntities } from '../state/entities.ts'
import { openTask } from '../state/ui.ts'
import { useDeepMemo } from '../state/use-deep-memo.ts'
import { Age } from '../ui/Elapsed.tsx'
import { plainLine } from '../ui/format.ts'
import { Kbd } from '../ui/Kbd.tsx'
import { letGo } from '../ui/let-go.ts'

const LOOK: Record<Attention['kind'], { icon: LucideIcon; text: string; tone: string }> = {
  crash: { icon: OctagonAlert, text: 'Crashed', tone: 'bad' },
  question: { icon: CircleHelp, text: 'Question', tone: 'warn' },
  verdict: { icon: Scale, text: 'Verdict due', tone: 'accent' },
  conflict: { icon: Zap, text: 'Conflict', tone: 'bad' },
  base_dirty: { icon: FileWarning, text: 'Base is dirty', tone: 'warn' },
  ci_stuck: { icon: GitPullRequestArrow, text: 'CI is stuck', tone: 'warn' },
  stalled: { icon: CirclePause, text: 'Silent', tone: 'warn' },
  auth: { icon: KeyRound, text: 'Needs a login', tone: 'bad' },
  limit: { icon: Timer, text: 'Hit a limit', tone: 'warn' },
  trust: { icon: ShieldAlert, text: 'Needs consent', tone: 'warn' },
  not_delivered: { icon: MailWarning, text: 'Not delivered', tone: 'warn' },
  tamper: { icon: ShieldAlert, text: 'Tampered with', tone: 'bad' },
  rework: { icon: RotateCcw, text: 'Rework', tone: 'warn' },
}

/** What waits for the engineer, the most urgent first. */
export function NeedsMeList() {
  const queue = useDeepMemo(
    useEntities((state) => state),
    (state) => needsMe(state),
  )
  return (
    <section className="group" data-testid="needs-me" aria-label="Needs you">
      <h2 className="group-head">
        <span>Needs you</span>
        {queue.length > 0 ? <span className="group-count">{queue.length}</span> : null}
        <span className="spacer" />
        {queue.length > 0 ? <Kbd>J</Kbd> : null}
      </h2>
      {queue.length === 0 ? (
        <p className="group-empty">Nothing waits for you.</p>
      ) : (
        <ul>
          {queue.map((entry) => (
            <NeedsMeRow key={`${entry.kind}-${entry.taskId}-${entry.attemptId}`} entry={entry} />
          ))}
        </ul>
      )}
    </section>
  )
}

function NeedsMeRow({ entry }: { entry: NeedsMe }) {
  const title = useEntities((state) => state.tasks[entry.taskId]?.title ?? '')
  const n = useEntities((state) => (entry.attemptId ? state.attempts[entry.attemptId]?.n : undefined))
  const look = LOOK[entry.kind]
  const Icon = look.icon
  return (
    <li>
      <button
        type="button"
        className="row"
        data-kind={entry.kind}
        title={plainLine(entry.detail, 400)}
        onClick={(event) => {
          letGo(event)
          openTask(entry.taskId, n)
        }}
      >
        <Icon size={14} className="status-icon" data-tone={look.tone} aria-hidden="true" />
        <span className="row-main">
          <span className="row-line">
            <span className="row-strong">
              {look.text}
              {n && entry.kind !== 'verdict' ? ` · #${n}` : ''}
            </span>
            <span className="row-age num">
              <Age since={entry.since} />
            </span>
          </span>
          <span className="row-sub truncate">{title}</span>
        </span>
      </button>
    </li>
  )
}
