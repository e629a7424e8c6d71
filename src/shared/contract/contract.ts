import { attempts } from './attempts.ts'
import { landing, pulls } from './landing.ts'
import { repositories } from './repositories.ts'
import { review } from './review.ts'
import { history, state, system } from './system.ts'
import { tasks } from './tasks.ts'

/** Everything a window or the CLI can ask of the core, over any transport. */
export const contract = { system, state, repositories, tasks, attempts, landing, pulls, review, history }

/** Bumped when an older client could misunderstand a newer core. */
export const PROTOCOL_VERSION = 1
