import { Radar } from 'lucide-react'
import { Popover } from 'radix-ui'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { useEntities } from '../state/entities.ts'
import { useOverlaps } from '../state/overlaps.ts'
import { openTask } from '../state/ui.ts'
import { plainLine, plural } from '../ui/format.ts'
import { type Clash, clashesOf, landOrder } from './land-order.ts'
import './overlap.css'

const MAX_FILES = 6

const named = (attempts: readonly Attempt[]): string => attempts.map((attempt) => `#${attempt.n}`).join(', ')

/** Says that an attempt will conflict, before anybody decides for it; nothing where nothing conflicts. */
export function OverlapChip({ attemptId }: { attemptId: string }) {
  const conflicts = useOverlaps((state) => state.byAttempt)
  const attempts = useEntities((state) => state.attempts)
  const tasks = useEntities((state) => state.tasks)
  const attempt = attempts[attemptId]
  const found = conflicts[attemptId]
  if (!attempt || !found || found.length === 0) return null
  const base = found.find((one) => one.other === null)
  const clashes = clashesOf({ attempts, tasks }, conflicts, attemptId)
  const title = [
    base ? 'its base' : '',
    clashes.length > 0 ? plural(clashes.length, 'other task') : '',
  ].filter(Boolean)
  const label = `Conflicts with ${title.join(' and ')}`
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <button type="button" className="overlap" aria-label={label} title={label}>
          <Radar size={12} aria-hidden="true" /> {base ? 'base' : clashes.length}
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover overlaps" sideOffset={5} collisionPadding={8} aria-label={label}>
          {base ? (
            <div className="overlap-one">
              <p>
                Conflicts with <span className="mono">{tasks[attempt.taskId]?.baseBranch}</span> as it is now,
                in
              </p>
              <Files files={base.files} />
            </div>
          ) : null}
          {clashes.map((clash) => (
            <ClashItem key={clash.task.id} clash={clash} />
          ))}
          <Order attempt={attempt} />
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}

function ClashItem({ clash }: { clash: Clash }) {
  const { task, attempts, free, files } = clash
  return (
    <div className="overlap-one">
      <p>
        Conflicts with {named(attempts)} of{' '}
        <button type="button" className="link" onClick={() => openTask(task.id, attempts[0]?.n)}>
          {plainLine(task.title, 80)}
        </button>
        , in
      </p>
      <Files files={files} />
      {free.length > 0 ? <p className="rail-quiet">Not with its {named(free)}.</p> : null}
    </div>
  )
}

function Files({ files }: { files: readonly string[] }) {
  return (
    <ul>
      {files.slice(0, MAX_FILES).map((file) => (
        <li key={file} className="mono truncate" title={file}>
          {plainLine(file)}
        </li>
      ))}
      {files.length > MAX_FILES ? <li className="rail-quiet">and {files.length - MAX_FILES} more</li> : null}
    </ul>
  )
}

/** In which order they should land. */
function Order({ attempt }: { attempt: Attempt }) {
  const conflicts = useOverlaps((state) => state.byAttempt)
  const attempts = useEntities((state) => state.attempts)
  const tasks = useEntities((state) => state.tasks)
  const order = landOrder({ attempts, tasks }, conflicts, attempt)
  if (order.length === 0) return null
  return (
    <div className="overlap-order" data-testid="land-order">
      <p>The least to mend, landed in this order:</p>
      <ol>
        {order.map(({ attempt: one, mends }) => (
          <li key={one.id}>
            <span className="truncate">
              #{one.n} {plainLine(tasks[one.taskId]?.title ?? '', 80)}
            </span>
            <span className="rail-quiet">{mends ? 'will need mending' : 'as it is'}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}
