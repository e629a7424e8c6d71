import type { Lesson, Slot, Task } from '../../../shared/domain/task.ts'

/** The brief of a round as its agents get it: what earlier rounds taught comes before the work, so that it is read. */
export function roundPrompt(
  task: Pick<Task, 'title' | 'brief'>,
  round: number,
  lessons: readonly Lesson[],
): string {
  if (lessons.length === 0) return task.brief
  const parts = lessons.map((lesson) =>
    [
      `### What round ${lesson.round} taught`,
      section('What went wrong', lesson.wentWrong),
      section('Do differently', lesson.doDifferently),
      section('Do not repeat', lesson.doNotRepeat),
      lesson.openQuestion && lesson.answer ? section(lesson.openQuestion, lesson.answer) : '',
    ]
      .filter(Boolean)
      .join('\n\n'),
  )
  return [
    task.brief,
    '---',
    `This is round ${round} of this task. It starts from scratch: every earlier attempt was thrown away. Before you begin, say in one sentence what you will do differently.`,
    ...parts,
  ].join('\n\n')
}

/** What one slot's agent gets. */
export function slotPrompt(prompt: string, slot: Pick<Slot, 'hint'>): string {
  return slot.hint ? `${prompt}\n\n---\n\n${slot.hint}` : prompt
}

function section(title: string, text: string): string {
  return text.trim() ? `**${title}**\n\n${text.trim()}` : ''
}
