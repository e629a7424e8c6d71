import {
  Circle,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CircleHelp,
  CirclePause,
  CircleStop,
  CircleX,
  Clock,
  Eye,
  FlaskConical,
  GitMerge,
  Loader,
  type LucideIcon,
  PencilLine,
  RotateCcw,
  Scale,
  Trash2,
  Unplug,
} from 'lucide-react'
import type { StatusLook, StatusShape } from './status-look.ts'

const ICON: Record<StatusShape, LucideIcon> = {
  dashed: CircleDashed,
  ring: Circle,
  spinner: Loader,
  running: CircleDot,
  question: CircleHelp,
  check: CircleCheck,
  cross: CircleX,
  pause: CirclePause,
  clock: Clock,
  eye: Eye,
  flask: FlaskConical,
  merge: GitMerge,
  trash: Trash2,
  stop: CircleStop,
  unplugged: Unplug,
  rework: RotateCcw,
  draft: PencilLine,
  scale: Scale,
}

/** Beside its text; alone it needs `named`. */
export function StatusIcon({
  look,
  size = 14,
  named,
}: {
  look: StatusLook
  size?: number | undefined
  named?: boolean | undefined
}) {
  const Icon = ICON[look.shape]
  return (
    <Icon
      className="status-icon"
      size={size}
      data-tone={look.tone}
      data-spin={look.shape === 'spinner'}
      {...(named ? { role: 'img', 'aria-label': look.text } : { 'aria-hidden': true })}
    />
  )
}
