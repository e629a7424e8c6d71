import { describe, expect, it } from 'vitest'
import type { Attempt, TrashReason } from '../../../shared/domain/attempt.ts'
import { openLedger, putAttempt, putRepository, putTask } from '../testing/ledger-fixture.ts'
import { lessonFromFacts } from './lesson.ts'

async function trashed(...reasons: TrashReason[][]): Promise<Attempt[]> {
  const { dir, ledger } = await openLedger()
  const repository = putRepository(ledger, dir)
  const { round } = putTask(ledger, repository.id, { baseSha: 'b' })
  return reasons.map((given, i) =>
    putAttempt(ledger, round, repository.id, {
      n: i + 1,
      worktree: `${dir}/${i}`,
      status: 'trashed',
      verdict: { kind: 'trash', headSha: null, reasons: given, note: '', at: 1, undoUntil: 1, from: 'ready' },
    }),
  )
}

describe('the lesson of the facts alone', () => {
  it('asks the engineer when most of a round misread the brief', async () => {
    const attempts = await trashed(
      ['misread the brief'],
      ['misread the brief', 'no tests'],
      ['checks red'],
      ['misread the brief'],
    )
    const lesson = lessonFromFacts(attempts, [])
    expect(lesson.openQuestion).toBe(
      '3 of 4 attempts misread the brief. What does it leave open, and what is meant?',
    )
    expect(lesson.doDifferently).toContain('3 of 4 attempts were trashed for “misread the brief”')
  })

  it.each([
    [[['misread the brief'], ['misread the brief']]],
    [[['misread the brief'], ['misread the brief'], ['misread the brief'], [], [], []]],
    [[['no tests'], ['no tests'], ['no tests']]],
  ] as TrashReason[][][][])('asks nothing when %j', async (reasons) => {
    expect(lessonFromFacts(await trashed(...reasons), []).openQuestion).toBeNull()
  })
})
