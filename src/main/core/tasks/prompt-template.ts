import { Liquid, LiquidError, type Template } from 'liquidjs'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { type Lesson, MAX_BRIEF_CHARS, type Round, type Task } from '../../../shared/domain/task.ts'
import { workflowFailure } from '../repositories/workflow-source.ts'
import { lessonsText, slotPrompt } from './prompt.ts'

/** A template loops over a handful of lessons; anything that takes longer is a mistake or an attack. */
const RENDER_MS = 1_000

const engine = new Liquid({
  strictVariables: true,
  strictFilters: true,
  ownPropertyOnly: true,
  // No partials: a template of the repository must not read files of ours.
  templates: {},
  parseLimit: 2 * MAX_BRIEF_CHARS,
  renderLimit: RENDER_MS,
  memoryLimit: 64 * MAX_BRIEF_CHARS,
})

/** Everything that a prompt may speak of. */
export interface PromptInput {
  task: Task
  round: Pick<Round, 'n' | 'prompt' | 'baseSha'>
  attempt: Pick<Attempt, 'n' | 'agent' | 'branch' | 'slot'>
  /** null on the first run, 1 and up on retries and continuations. */
  retry: number | null
  /** Of the rounds before this one, in their order. */
  lessons: readonly Lesson[]
}

/** Where the template stands, for errors that name a line. */
export interface TemplatePlace {
  template: string
  /** Name of the file. */
  file: string
  /** Line of the file on which the template begins. */
  line: number
}

/**
 * The prompt of one slot: the workflow file's strict Liquid template, or without one the brief as the round recorded it.
 * Lessons and the slot's hint that the template does not mention are put at the end: they must not get lost. Throws
 * `workflow_invalid` named `template_parse_error` or `template_render_error`.
 */
export function renderPrompt(place: TemplatePlace, input: PromptInput): string {
  if (place.template === '') return slotPrompt(input.round.prompt, input.attempt.slot)
  const parsed = parse(place)
  const text = render(place, parsed, variablesOf(input))
  const used = new Set(engine.globalVariablesSync(parsed))
  const taught = used.has('lessons') ? '' : lessonsText(input.round.n, input.lessons)
  const whole = [text, taught].filter(Boolean).join('\n\n---\n\n')
  return used.has('slot') ? whole : slotPrompt(whole, input.attempt.slot)
}

/** What a template sees: plain values only. Text that a task lacks is empty rather than unknown. */
export function variablesOf(input: PromptInput): Record<string, unknown> {
  const { task, round, attempt, lessons } = input
  const iso = (at: number) => new Date(at).toISOString()
  return {
    issue: {
      id: task.id,
      identifier: task.id,
      title: task.title,
      description: task.brief,
      priority: null,
      state: task.status,
      branch_name: attempt.branch,
      url: null,
      labels: [],
      blocked_by: [],
      created_at: iso(task.createdAt),
      updated_at: iso(task.statusAt),
    },
    attempt: input.retry,
    task: {
      id: task.id,
      title: task.title,
      brief: task.brief,
      status: task.status,
      base_branch: task.baseBranch,
      base_sha: round.baseSha,
      created_at: iso(task.createdAt),
    },
    round: round.n,
    slot: {
      n: attempt.n,
      agent: attempt.agent,
      model: attempt.slot.model,
      hint: attempt.slot.hint,
      branch: attempt.branch,
    },
    lessons: lessons.map((lesson) => ({
      round: lesson.round,
      went_wrong: lesson.wentWrong,
      do_differently: lesson.doDifferently,
      do_not_repeat: lesson.doNotRepeat,
      facts: lesson.facts,
      question: lesson.openQuestion,
      answer: lesson.answer,
    })),
  }
}

function parse(place: TemplatePlace): Template[] {
  try {
    return engine.parse(place.template)
  } catch (error) {
    throw templateFailure(place, 'template_parse_error', error)
  }
}

function render(place: TemplatePlace, parsed: Template[], variables: Record<string, unknown>): string {
  try {
    const text: unknown = engine.renderSync(parsed, variables)
    return String(text).trim()
  } catch (error) {
    throw templateFailure(place, 'template_render_error', error)
  }
}

function templateFailure(
  place: TemplatePlace,
  name: 'template_parse_error' | 'template_render_error',
  error: unknown,
) {
  if (!(error instanceof Error)) throw error
  const at = LiquidError.is(error) ? error.token.getPosition()[0] : undefined
  const message = error.message.replace(/, line:\d+, col:\d+$/, '')
  return workflowFailure(place.file, [
    { name, key: null, line: at ? place.line + at - 1 : null, message: `the prompt template: ${message}` },
  ])
}
