import { ChevronRight } from 'lucide-react'
import { Collapsible } from 'radix-ui'
import type { ReactNode } from 'react'
import { useShallow } from 'zustand/react/shallow'
import type { Task } from '../../shared/domain/task.ts'
import { TimelineList } from '../history/TimelineList.tsx'
import { VerdictsCard } from '../history/VerdictsCard.tsx'
import { LandCard } from '../pulls/LandCard.tsx'
import { PullCard } from '../pulls/PullCard.tsx'
import { ChecksCard } from '../review/ChecksCard.tsx'
import { EvidenceCard } from '../review/EvidenceCard.tsx'
import { FindingsCard } from '../review/FindingsCard.tsx'
import { useEntities } from '../state/entities.ts'
import { focusedOf, shownAttempts } from '../state/selection.ts'
import { useUi } from '../state/ui.ts'
import { Button } from '../ui/Button.tsx'
import { Markdown } from '../ui/Markdown.tsx'

/** What stands beside the terminals: the landing, then the evidence of the focused attempt, then the task itself. */
export function Rail({ task }: { task: Task }) {
  const attempts = useEntities(useShallow((state) => shownAttempts(state, task)))
  const remembered = useUi((state) => state.focusedTile[task.id])
  const pane = useUi((state) => state.pane)
  const attempt = focusedOf(attempts, remembered)
  return (
    <aside className="rail" aria-label="Evidence">
      <LandCard task={task} />
      <PullCard task={task} />
      {attempts.some((one) => one.verdict) ? (
        <Section id="verdicts" title="Verdicts" note={`round ${task.round}`}>
          <VerdictsCard task={task} />
        </Section>
      ) : null}
      {attempt ? (
        <>
          <Section id="checks" title="Checks" note={`#${attempt.n}`}>
            <ChecksCard attempt={attempt} />
          </Section>
          <Section id="findings" title="Findings" note={`#${attempt.n}`}>
            <FindingsCard key={attempt.id} attempt={attempt} />
          </Section>
          <Section id="evidence" title="Evidence" note={`#${attempt.n}`}>
            <EvidenceCard attempt={attempt} />
          </Section>
        </>
      ) : null}
      <Section id="brief" title="Brief">
        <Markdown text={task.brief} />
      </Section>
      {pane === 'timeline' ? null : (
        <Section
          id="timeline"
          title="Timeline"
          action={
            <Button size="s" kind="ghost" kbd="G" onClick={() => useUi.setState({ pane: 'timeline' })}>
              All
            </Button>
          }
        >
          <TimelineList taskId={task.id} limit={10} />
        </Section>
      )}
    </aside>
  )
}

function Section({
  id,
  title,
  note,
  action,
  children,
}: {
  id: string
  title: string
  note?: string
  action?: ReactNode
  children: ReactNode
}) {
  const key = `rail.${id}`
  const folded = useUi((state) => state.folded[key] === true)
  return (
    <Collapsible.Root
      className="rail-section"
      open={!folded}
      onOpenChange={(open) => useUi.setState((state) => ({ folded: { ...state.folded, [key]: !open } }))}
    >
      <div className="rail-head">
        <Collapsible.Trigger className="rail-trigger">
          <ChevronRight size={12} className="group-arrow" aria-hidden="true" />
          {title}
          {note ? <span className="group-count">{note}</span> : null}
        </Collapsible.Trigger>
        <span className="spacer" />
        {action}
      </div>
      <Collapsible.Content className="rail-content">{children}</Collapsible.Content>
    </Collapsible.Root>
  )
}
