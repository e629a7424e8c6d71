import { Radar } from 'lucide-react'
import { Popover } from 'radix-ui'
import { useEntities } from '../state/entities.ts'
import { useOverlaps } from '../state/overlaps.ts'
import { openTask } from '../state/ui.ts'
import { plainLine, plural } from '../ui/format.ts'

const MAX_FILES = 8

/** Says that an attempt will conflict, before anybody decides for it; nothing where nothing conflicts. */
export function OverlapChip({ attemptId }: { attemptId: string }) {
  const found = useOverlaps((state) => state.byAttempt[attemptId])
  const attempts = useEntities((state) => state.attempts)
  const tasks = useEntities((state) => state.tasks)
  if (!found || found.length === 0) return null
  const base = found.some((one) => one.other === null)
  const title = base ? 'Conflicts with its base' : `Conflicts with ${plural(found.length, 'other attempt')}`
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <button type="button" className="overlap" aria-label={title} title={title}>
          <Radar size={12} aria-hidden="true" /> {base ? 'base' : found.length}
        </button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="popover overlaps" sideOffset={5} collisionPadding={8} aria-label={title}>
          {found.map(({ other, files }) => {
            const attempt = other === null ? undefined : attempts[other]
            const task = attempt ? tasks[attempt.taskId] : undefined
            return (
              <div key={other ?? 'base'} className="overlap-one">
                {other === null ? (
                  <p>A merge into the base branch as it is now conflicts in</p>
                ) : (
                  <p>
                    Merging it and{' '}
                    <button
                      type="button"
                      className="link"
                      onClick={() => task && openTask(task.id, attempt?.n)}
                    >
                      #{attempt?.n} of {plainLine(task?.title ?? 'another task', 80)}
                    </button>{' '}
                    conflicts in
                  </p>
                )}
                <ul>
                  {files.slice(0, MAX_FILES).map((file) => (
                    <li key={file} className="mono truncate" title={file}>
                      {plainLine(file)}
                    </li>
                  ))}
                </ul>
                {files.length > MAX_FILES ? (
                  <p className="rail-quiet">and {files.length - MAX_FILES} more</p>
                ) : null}
              </div>
            )
          })}
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  )
}
