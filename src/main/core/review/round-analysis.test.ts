import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { TrashReason } from '../../../shared/domain/attempt.ts'
import { lessonFromFacts } from '../tasks/lesson.ts'
import { lessonsText } from '../tasks/prompt.ts'
import { eventually } from '../testing/ledger-fixture.ts'
import { reviewWorld, scriptedDriver, type WorldOptions } from '../testing/review-world.ts'

const lesson = (openQuestion: string | null) =>
  JSON.stringify({
    wentWrong: '- Three of four read “hello” as a file name.',
    doDifferently: '- Print it.',
    doNotRepeat: '- No files.',
    openQuestion,
  })

/** A round of two trashed attempts, with the lesson that the facts alone teach. */
async function arrange(options: WorldOptions = {}) {
  const world = await reviewWorld({
    transcript:
      '\x1b[31mI will write a file\x1b[0m\r\nworking 1\rworking 2\r\ntoken ghp_0123456789abcdefghijABCDEFGHIJ012345\r\n',
    ...options,
  })
  const { ledger } = world
  const verdict = (reasons: TrashReason[], note: string) => ({
    kind: 'trash' as const,
    headSha: null,
    reasons,
    note,
    at: 1,
    undoUntil: 1,
    from: 'ready' as const,
  })
  const attempts = [
    await world.attempt(
      1,
      { 'hello.txt': 'hi\n' },
      {
        status: 'trashed',
        terminalId: null,
        verdict: verdict(['misread the brief'], 'It must be printed.'),
      },
    ),
    await world.attempt(
      2,
      { 'hello.md': 'hi\n' },
      {
        status: 'trashed',
        verdict: verdict(['misread the brief', 'no tests'], ''),
      },
    ),
  ]
  ledger.commit((tx) => {
    tx.patch('tasks', world.task.id, { status: 'rework' })
    tx.put('terminals', {
      id: 'term_1',
      attemptId: attempts[0]?.id ?? null,
      epoch: 1,
      state: 'exited',
      pid: null,
      pidStartedAt: null,
      exitCode: 0,
      killRequestedAt: null,
      logPath: '/nowhere',
      createdAt: 1,
    })
    tx.patch('attempts', attempts[0]?.id ?? '', { terminalId: 'term_1' })
    tx.put('lessons', {
      id: 'lesson_1',
      taskId: world.task.id,
      round: 1,
      ...lessonFromFacts(attempts, []),
      answer: null,
      source: 'facts',
      state: 'analysing',
      facts: '',
      createdAt: 1,
    })
  })
  const settled = () =>
    eventually(() => {
      const now = ledger.get('lessons', 'lesson_1')
      return now?.state === 'done' ? now : null
    }, 'the analysis')
  return { ...world, settled, start: () => world.reviewing.analysis.start(world.task.id, 1) }
}

describe('the look back on a trashed round', () => {
  it('is made by an agent over all attempts together, and the facts stay beside it', async () => {
    const world = await arrange({
      drivers: [scriptedDriver('eye', `cat > "$OUT/prompt"; echo '${lesson('Printed or written?')}'`)],
    })
    world.settings.save({ reviewAgent: 'eye' })
    world.start()
    const now = await world.settled()
    expect(now).toMatchObject({
      source: 'eye',
      wentWrong: '- Three of four read “hello” as a file name.',
      openQuestion: 'Printed or written?',
      facts: expect.stringContaining('It must be printed.'),
    })
    const prompt = await readFile(join(world.data, 'prompt'), 'utf8')
    for (const part of [
      'Attempt 1:',
      'Attempt 2:',
      '+++ b/hello.txt',
      '+++ b/hello.md',
      'misread the brief, no tests',
      'I will write a file',
      'working 2',
      '[redacted]',
    ])
      expect(prompt).toContain(part)
    for (const part of ['working 1', '\x1b', 'ghp_']) expect(prompt).not.toContain(part)
    const text = lessonsText(2, [{ ...now, answer: 'Printed.' }])
    for (const part of [
      'Three of four',
      'Print it.',
      'It must be printed.',
      'Printed or written?',
      'Printed.',
    ])
      expect(text).toContain(part)
  })

  it('is made by an agent of the round when none is named: the rehearsal can', async () => {
    const world = await arrange()
    world.ledger.commit((tx) => tx.patch('attempts', 'att_task_1_2', { agent: 'rehearsal' }))
    world.start()
    expect(await world.settled()).toMatchObject({ source: 'rehearsal', openQuestion: null })
  })

  it.each([
    ['no agent can', {}, null],
    [
      'the agent talks nonsense',
      { drivers: [scriptedDriver('eye', 'cat >/dev/null; echo no')] },
      'did not answer with JSON',
    ],
  ])('is the facts alone, and says so, when %s', async (_when, options, problem) => {
    const world = await arrange(options)
    world.settings.save({ reviewAgent: 'eye' })
    world.start()
    const now = await world.settled()
    expect(now).toMatchObject({ source: 'facts', facts: '', openQuestion: null })
    expect(now.wentWrong).toContain('It must be printed.')
    const [fact] = world.ledger.facts({ kind: 'lesson.written', limit: 1 })
    expect(fact?.body).toMatchObject({
      source: 'facts',
      problem: expect.stringContaining(problem ?? 'no agent'),
    })
  })

  it('stops when the engineer goes on, and never brings back a lesson that is gone', async () => {
    const slow = scriptedDriver('eye', `touch "$OUT/began"; sleep 30; echo '${lesson(null)}'`)
    const world = await arrange({ drivers: [slow] })
    world.settings.save({ reviewAgent: 'eye' })
    world.start()
    await eventually(
      () =>
        readFile(join(world.data, 'began')).then(
          () => true,
          () => false,
        ),
      'its begin',
    )
    world.reviewing.analysis.stop(world.task.id)
    expect(world.ledger.require('lessons', 'lesson_1')).toMatchObject({ state: 'done', source: 'facts' })
    world.ledger.commit((tx) => tx.remove('lessons', 'lesson_1'))
    await world.scope.settled()
    expect(world.ledger.get('lessons', 'lesson_1')).toBeUndefined()
  })

  it('is taken up again after a restart', async () => {
    const world = await arrange({
      drivers: [scriptedDriver('eye', `cat >/dev/null; echo '${lesson(null)}'`)],
    })
    world.settings.save({ reviewAgent: 'eye' })
    world.reviewing.begin()
    expect(await world.settled()).toMatchObject({ source: 'eye' })
  })
})
