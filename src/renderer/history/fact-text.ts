import type { Fact, FactKind } from '../../shared/domain/fact.ts'
import { plainLine, plural, sha7, took } from '../ui/format.ts'
import type { StatusShape } from '../ui/status-look.ts'

type Body = Fact['body']

const text = (body: Body, key: string): string => {
  const value = body[key]
  return typeof value === 'string' ? plainLine(value, 300) : ''
}
const count = (body: Body, key: string): number | null => {
  const value = body[key]
  return typeof value === 'number' ? value : null
}
const list = (body: Body, key: string): string[] => {
  const value = body[key]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
/** ` (why)`, or nothing. */
const because = (why: string): string => (why ? `: ${why}` : '')

/** How a check ended: one of ours says its status, one of the forge its conclusion. */
const endOfCheck = (body: Body): string => text(body, 'status') || text(body, 'conclusion') || 'ended'
const GREEN: ReadonlySet<string> = new Set(['passed', 'success', 'neutral', 'skipped'])

const TELL: Record<FactKind, (body: Body) => string> = {
  'repository.added': (body) => `Repository ${text(body, 'name')} added`,
  'repository.removed': () => 'Repository removed',
  'repository.trusted': () => 'Consent given to the repository’s commands',
  'repository.problem': (body) =>
    text(body, 'problem') ? `Repository: ${text(body, 'problem')}` : 'Repository is readable again',
  'task.created': () => 'Task written down',
  'task.edited': (body) => `Task edited${because(list(body, 'fields').join(', '))}`,
  'task.status': (body) => `Task is ${text(body, 'to') || 'changed'}${because(text(body, 'reason'))}`,
  'round.fired': (body) =>
    `Round ${count(body, 'round') ?? ''} fired: ${plural(list(body, 'agents').length, 'attempt')} from ${sha7(text(body, 'baseSha'))}`,
  'attempt.status': (body) => `${text(body, 'to') || 'changed its status'}${because(text(body, 'reason'))}`,
  'attempt.step': (body) => `preparing: ${text(body, 'step')}`,
  'attempt.question': (body) => `asks: ${text(body, 'text')}`,
  'attempt.answered': (body) =>
    `was answered: ${text(body, 'text')}${body.delivered === false ? ' (not confirmed)' : ''}`,
  'attempt.commit': (body) =>
    `committed ${sha7(text(body, 'headSha'))}${text(body, 'by') === 'quartet' ? ' (by Quartet: it left work uncommitted)' : ''}`,
  'attempt.attention': (body) => `needs you${because(text(body, 'detail'))}`,
  'attempt.kept': () => 'is kept aside, with everything it changed',
  'attempt.restored': () => 'was restored from the trash',
  'attempt.usage': () => 'reported its usage',
  'attempt.claimed': (body) => `says: ${text(body, 'text') || text(body, 'claim') || 'it is done'}`,
  'attempt.asked': (body) => `was asked to go on${because(text(body, 'text') || text(body, 'why'))}`,
  'verdict.given': (body) => {
    const reasons = list(body, 'reasons').join(', ')
    const took_ = count(body, 'decidedInMs')
    return `${text(body, 'kind') || 'verdict'}${because([reasons, text(body, 'note')].filter(Boolean).join('; '))}${took_ === null ? '' : ` (decided in ${took(took_)})`}`
  },
  'verdict.undone': (body) => `${text(body, 'kind') || 'verdict'} undone`,
  'check.ended': (body) => {
    const time = count(body, 'durationMs')
    return `check ${text(body, 'name')} ${endOfCheck(body).replace('_', ' ')}${time === null ? '' : ` in ${took(time)}`}`
  },
  'review.asked': (body) => `its author was asked about ${plural(list(body, 'findings').length, 'finding')}`,
  'review.ended': (body) => {
    const reviewer = text(body, 'reviewer') || 'an agent'
    return text(body, 'status') === 'done'
      ? `review by ${reviewer}: ${plural(count(body, 'findings') ?? 0, 'finding')}`
      : `no review by ${reviewer}${because(text(body, 'problem'))}`
  },
  'finding.answered': (body) =>
    text(body, 'draft')
      ? 'a deferred finding became a draft task'
      : `${text(body, 'priority') || 'a finding'}${text(body, 'title') ? ` “${text(body, 'title')}”` : ''}: ${text(body, 'status').replace('_', ' ') || 'answered'}${text(body, 'by') === 'engineer' || text(body, 'by') === '' ? '' : ` by the ${text(body, 'by')}`}`,
  'lesson.written': (body) => {
    const source = text(body, 'source')
    const by = source === 'facts' ? ' from the facts alone' : source ? ` by ${source}` : ''
    return `Lesson of round ${count(body, 'round') ?? ''} written${by}${because(text(body, 'problem'))}`
  },
  'land.phase': (body) => `landing: ${text(body, 'phase')}${because(text(body, 'reason'))}`,
  'land.fix': (body) => `landing: the agent was asked to fix${because(text(body, 'reason'))}`,
  'land.waits': (body) => `landing waits${because(text(body, 'reason'))}`,
  'pull.opened': (body) =>
    `pull request ${count(body, 'number') === null ? '' : `#${count(body, 'number')} `}opened`,
  'pull.comment': (body) => `comment on the pull request${because(text(body, 'text'))}`,
  'pull.replied': (body) => `replied on the pull request${because(text(body, 'text'))}`,
  'pull.observed': (body) => {
    const seen = Object.keys(body).flatMap((key) =>
      key === 'number' || text(body, key) === ''
        ? []
        : [key === 'state' ? text(body, key) : `${key} ${text(body, key)}`],
    )
    return `pull request${because(seen.join(', ')) || ' looked at'}`
  },
  'terminal.opened': (body) => (body.resumed === true ? 'agent resumed' : 'agent started'),
  'terminal.ended': (body) => {
    const code = count(body, 'code')
    return `agent ended${code === null ? '' : ` with code ${code}`}`
  },
  'terminal.log_stopped': () => 'the transcript could not be written any more',
  'workflow.loaded': (body) =>
    text(body, 'problem') ? `WORKFLOW.md: ${text(body, 'problem')}` : 'WORKFLOW.md was read',
  'settings.changed': (body) => `Settings changed${because(list(body, 'keys').join(', '))}`,
}

/** One fact as a sentence without its subject, which stands beside it. */
export const factText = (fact: Fact): string => TELL[fact.kind](fact.body)

/** Steps and usage are for searching, not for reading. */
export const isNoise = (fact: Fact): boolean => fact.kind === 'attempt.step' || fact.kind === 'attempt.usage'

const SHAPES: Partial<Record<FactKind, StatusShape>> = {
  'round.fired': 'running',
  'verdict.given': 'scale',
  'verdict.undone': 'rework',
  'check.ended': 'flask',
  'land.phase': 'merge',
  'attempt.question': 'question',
  'attempt.commit': 'ring',
  'lesson.written': 'draft',
}

/** A mark for the line of the timeline; null for a plain dot. */
export function factShape(fact: Fact): StatusShape | null {
  if (fact.kind === 'verdict.given') return fact.body.kind === 'mergeable' ? 'merge' : 'trash'
  if (fact.kind === 'check.ended') return GREEN.has(endOfCheck(fact.body)) ? 'check' : 'cross'
  return SHAPES[fact.kind] ?? null
}
