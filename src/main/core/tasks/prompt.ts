import type { Lesson, Slot, Task } from '../../../shared/domain/task.ts'

/** The brief of a round as its agents get it: what earlier rounds taught comes after the work, so that it is read last. */
export function roundPrompt(
  task: Pick<Task, 'title' | 'brief'>,
  round: number,
  lessons: readonly Lesson[],
): string {
  return [task.brief, lessonsText(round, lessons)].filter(Boolean).join('\n\n---\n\n')
}

/** What earlier rounds taught, for the agents of `round`; empty for none. */
export function lessonsText(round: number, lessons: readonly Lesson[]): string {
  if (lessons.length === 0) return ''
  const parts = lessons.map((lesson) =>
    [
      `### What round ${lesson.round} taught`,
      section('What went wrong', lesson.wentWrong),
      section('Do differently', lesson.doDifferently),
      section('Do not repeat', lesson.doNotRepeat),
      // The engineer's own reasons reach the next round whatever an analysis made of them.
      section('What was noted when it was thrown away', lesson.facts),
      lesson.openQuestion && lesson.answer ? section(lesson.openQuestion, lesson.answer) : '',
    ]
      .filter(Boolean)
      .join('\n\n'),
  )
  return [
    `This is round ${round} of this task. It starts from scratch: every earlier attempt was thrown away. Before you begin, say in one sentence what you will do differently.`,
    ...parts,
  ].join('\n\n')
}

/** What one slot's agent gets. */
export function slotPrompt(prompt: string, slot: Pick<Slot, 'hint'>): string {
  return slot.hint ? `${prompt}\n\n---\n\n${slot.hint}` : prompt
}

/** A prompt with a message for an agent whose conversation could not be continued. */
export function withMessage(prompt: string, message: string | null): string {
  if (!message?.trim()) return prompt
  return `${prompt}\n\n---\n\nWork on this was begun in this folder already: look at what is there first. What the engineer says now:\n\n${message.trim()}`
}

function section(title: string, text: string): string {
  return text.trim() ? `**${title}**\n\n${text.trim()}` : ''
}
