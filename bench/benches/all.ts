import type { Bench } from '../lib/types.ts'
import { attach } from './attach.ts'
import { control } from './control.ts'
import { diff } from './diff.ts'
import { echo } from './echo.ts'
import { frames } from './frames.ts'
import { idle } from './idle.ts'
import { keyToFrame } from './key-to-frame.ts'
import { memory } from './memory.ts'
import { spawn } from './spawn.ts'
import { throughput } from './throughput.ts'
import { worktrees } from './worktrees.ts'

/** In the order of the table; last the one that takes what time there is. */
export const BENCHES: readonly Bench[] = [
  spawn,
  echo,
  control,
  keyToFrame,
  throughput,
  frames,
  memory,
  idle,
  attach,
  diff,
  worktrees,
]
