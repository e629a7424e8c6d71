import { expect, it } from 'vitest'
import type { AttemptStatus } from '../../../shared/domain/attempt.ts'
import { taskEventFor } from './transitions.ts'

it.each<[AttemptStatus[], ReturnType<typeof taskEventFor>]>([
  [['pending', 'pending'], null],
  [['preparing', 'pending'], 'work'],
  [['ready', 'running'], 'work'],
  [['ready', 'ready'], 'decide'],
  [['ready', 'waiting'], 'decide'],
  [['waiting', 'waiting'], 'work'],
  [['ready', 'stalled'], 'decide'],
  [['failed', 'trashed'], 'decide'],
  [['failed', 'verifying'], 'work'],
  [['trashed', 'trashed'], 'trash_all'],
  [['trashed', 'landing'], null],
  [['mergeable', 'running'], null],
])('%j means %s for the task', (statuses, event) => {
  expect(taskEventFor(statuses)).toBe(event)
})
