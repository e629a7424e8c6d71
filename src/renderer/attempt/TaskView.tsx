import { lazy, Suspense } from 'react'
import { Group, Panel, Separator } from 'react-resizable-panels'
import { Timeline } from '../history/Timeline.tsx'
import { useEntities } from '../state/entities.ts'
import { useOverlapRadar } from '../state/overlaps.ts'
import { useUi } from '../state/ui.ts'
import { Skeleton } from '../ui/Skeleton.tsx'
import { useSidePanel } from '../ui/side-panel.ts'
import { DraftView } from './DraftView.tsx'
import { KeepGoingDialog } from './KeepGoingDialog.tsx'
import { OverrideDialog } from './OverrideDialog.tsx'
import { Rail } from './Rail.tsx'
import { ReworkBanner } from './ReworkBanner.tsx'
import { TaskHeader } from './TaskHeader.tsx'
import { TileGrid } from './TileGrid.tsx'
import './task.css'

/** Loaded when it is first looked at: most verdicts are given without a diff. */
const DiffPane = lazy(() => import('../review/DiffPane.tsx'))
const MatrixPane = lazy(() => import('../review/MatrixPane.tsx'))
const Replay = lazy(() => import('../history/Replay.tsx'))

/** One task: its attempts in the middle, what they prove at the side. */
export function TaskView({ taskId }: { taskId: string }) {
  const task = useEntities((state) => state.tasks[taskId])
  const pane = useUi((state) => state.pane)
  const rail = useUi((state) => state.rail)
  const zoomed = useUi((state) => state.zoomed)
  const { panel, group } = useSidePanel('rail')
  useOverlapRadar(task?.repoId ?? null)
  if (!task) return null
  const withRail = rail && !zoomed && task.round > 0
  return (
    <Group className="task" id="task" orientation="horizontal" {...group}>
      <Panel id="task-main" minSize={420}>
        <main className="task-main" aria-label={task.title}>
          <TaskHeader task={task} />
          {task.status === 'rework' ? <ReworkBanner task={task} /> : null}
          {task.round === 0 ? (
            <DraftView task={task} />
          ) : pane === 'diff' ? (
            <Suspense fallback={<Skeleton height={200} />}>
              <DiffPane task={task} />
            </Suspense>
          ) : pane === 'matrix' ? (
            <Suspense fallback={<Skeleton height={200} />}>
              <MatrixPane task={task} />
            </Suspense>
          ) : pane === 'timeline' ? (
            <Timeline taskId={task.id} />
          ) : pane === 'replay' ? (
            <Suspense fallback={<Skeleton height={200} />}>
              <Replay task={task} />
            </Suspense>
          ) : (
            <TileGrid task={task} />
          )}
          <OverrideDialog />
          <KeepGoingDialog />
        </main>
      </Panel>
      {withRail ? (
        <>
          <Separator className="work-line" id="rail-line" />
          <Panel id="task-rail" {...panel}>
            <Rail task={task} />
          </Panel>
        </>
      ) : null}
    </Group>
  )
}
