import { expect, it } from 'vitest'
import type { Lesson, Task } from '../../../shared/domain/task.ts'
import { type PromptInput, renderPrompt } from './prompt-template.ts'

const task: Task = {
  id: 'task_1',
  repoId: 'repo_1',
  title: 'Greet',
  brief: 'Say hello.',
  status: 'working',
  reason: null,
  round: 2,
  baseBranch: 'main',
  baseSha: 'abc',
  winnerAttemptId: null,
  landedSha: null,
  rev: 1,
  createdAt: 0,
  statusAt: 0,
  closedAt: null,
}
const lesson: Lesson = {
  id: 'lesson_1',
  taskId: 'task_1',
  round: 1,
  wentWrong: 'It shouted.',
  doDifferently: 'Whisper.',
  doNotRepeat: '',
  openQuestion: 'How loud?',
  answer: 'Softly.',
  source: 'facts',
  state: 'done',
  facts: '',
  rev: 1,
  createdAt: 0,
}
const input = (change: Partial<PromptInput> = {}): PromptInput => ({
  task,
  round: { n: 2, prompt: 'Say hello.\n\nand the lesson', baseSha: 'abc' },
  attempt: {
    n: 3,
    agent: 'codex',
    branch: 'quartet/x/r2a3',
    slot: { agent: 'codex', command: null, scenario: null, model: null, hint: 'Use an enum.' },
  },
  retry: null,
  lessons: [lesson],
  ...change,
})
const render = (template: string, change: Partial<PromptInput> = {}) =>
  renderPrompt({ template, file: 'WORKFLOW.md', line: 5 }, input(change))

it('is the recorded brief and the hint without a template', () => {
  expect(render('')).toBe('Say hello.\n\nand the lesson\n\n---\n\nUse an enum.')
})

it('knows the issue, the attempt, and our own variables', () => {
  const text = render(
    '{{ issue.title }}|{{ issue.branch_name }}|{% if attempt %}again{% else %}first{% endif %}|{{ task.brief }}|{{ round }}|{{ slot.n }}{{ slot.hint }}|{% for l in lessons %}{{ l.went_wrong }}{{ l.answer }}{% endfor %}|{{ issue.labels | size }}',
  )
  expect(text).toBe('Greet|quartet/x/r2a3|first|Say hello.|2|3Use an enum.|It shouted.Softly.|0')
  expect(render('{{ attempt }}{{ slot.n }}{{ lessons | size }}', { retry: 1 })).toBe('131')
})

it('never loses lessons or a hint that the template does not mention', () => {
  const text = render('Do {{ issue.title }}.')
  expect(text).toMatch(/^Do Greet\./)
  for (const part of ['It shouted.', 'Whisper.', 'How loud?', 'Softly.', 'Use an enum.'])
    expect(text).toContain(part)
})

it.each([
  ['ok\n{{ issue.nope }}', 'template_render_error', 6],
  ['ok\n\n{{ missing }}', 'template_render_error', 7],
  ['{{ issue.title | shout }}', 'template_parse_error', 5],
  ['\n{% if %}', 'template_parse_error', 6],
  ['{% render "/etc/passwd" %}', 'template_render_error', 5],
])('%j fails as %s in line %d', (template, name, line) => {
  expect(() => render(template)).toThrow(
    expect.objectContaining({ code: 'workflow_invalid', data: expect.objectContaining({ name, line }) }),
  )
})

it('stops a template that runs for ever', () => {
  expect(() =>
    render('{% for i in (1..100000000) %}{% for j in (1..100000000) %}x{% endfor %}{% endfor %}'),
  ).toThrow(expect.objectContaining({ code: 'workflow_invalid' }))
})
