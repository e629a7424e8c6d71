import { describe, expect, it } from 'vitest'
import { AttemptStatus } from '../domain/attempt.ts'
import { isFailure } from '../domain/failure.ts'
import { TaskStatus } from '../domain/task.ts'
import {
  type AttemptEvent,
  canAttempt,
  isOver,
  isUnfinished,
  nextAttemptStatus,
  occupiesSlot,
} from './attempt-machine.ts'
import { canTask, isTaskOver, nextTaskStatus, type TaskEvent } from './task-machine.ts'

const ATTEMPT_EVENTS: AttemptEvent[] = [
  'queue',
  'prepare',
  'start',
  'run',
  'ask',
  'finish',
  'verify',
  'review',
  'ready',
  'approve',
  'land',
  'landed',
  'trash',
  'fail',
  'stall',
  'lose',
  'cancel',
  'undo',
]
const TASK_EVENTS: TaskEvent[] = [
  'fire',
  'work',
  'decide',
  'approve',
  'landed',
  'return',
  'trash_all',
  'abandon',
  'reopen',
]

describe('an attempt', () => {
  it('reaches landed on the straight way', () => {
    const way: AttemptEvent[] = [
      'prepare',
      'start',
      'run',
      'ask',
      'run',
      'finish',
      'verify',
      'review',
      'ready',
      'approve',
      'land',
      'landed',
    ]
    expect(way.reduce<AttemptStatus>(nextAttemptStatus, 'pending')).toBe('landed')
  })

  it('refuses what cannot happen, with the words for it', () => {
    expect(() => nextAttemptStatus('landed', 'trash')).toThrow('An attempt that is landed cannot trash.')
    try {
      nextAttemptStatus('pending', 'ready')
    } catch (error) {
      expect(isFailure(error, 'illegal_state')).toBe(true)
    }
  })

  it('reaches every status from pending, and from every one but landed there is a way on', () => {
    const reached = new Set<AttemptStatus>(['pending'])
    for (const status of reached)
      for (const event of ATTEMPT_EVENTS)
        if (canAttempt(status, event)) reached.add(nextAttemptStatus(status, event))
    expect([...reached].sort()).toEqual([...AttemptStatus.options].sort())
    for (const status of AttemptStatus.options)
      expect(ATTEMPT_EVENTS.some((event) => canAttempt(status, event))).toBe(status !== 'landed')
  })

  it('can be trashed in every status in which it is not over or judged', () => {
    for (const status of AttemptStatus.options)
      expect(canAttempt(status, 'trash'), status).toBe(!isOver(status))
  })

  it('takes a slot only while it is unfinished', () => {
    for (const status of AttemptStatus.options)
      if (occupiesSlot(status)) expect(isUnfinished(status), status).toBe(true)
  })
})

describe('a task', () => {
  it('goes round through rework and lands', () => {
    const way: TaskEvent[] = [
      'fire',
      'work',
      'decide',
      'trash_all',
      'fire',
      'work',
      'decide',
      'approve',
      'return',
      'approve',
      'landed',
    ]
    expect(way.reduce<TaskStatus>(nextTaskStatus, 'draft')).toBe('landed')
  })

  it('can be abandoned unless it is over', () => {
    for (const status of TaskStatus.options)
      expect(canTask(status, 'abandon'), status).toBe(!isTaskOver(status))
  })

  it('never leaves landed', () => {
    for (const event of TASK_EVENTS) expect(canTask('landed', event)).toBe(false)
  })
})
