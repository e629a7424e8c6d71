import type { CoreClient } from '../../shared/contract/client.ts'
import type { TaskView } from '../../shared/contract/tasks.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { Failure } from '../../shared/domain/failure.ts'
import type { Repository } from '../../shared/domain/repository.ts'

/** Fewer characters would match by chance. */
const MIN_PART = 4

/**
 * The one of `items` that `text` names: its id, or a beginning or end of it that no other has. Ids begin with their
 * time, so those of one round differ at their end. Throws `not_found`, also when several match.
 */
export function pick<T extends { id: string }>(
  what: string,
  text: string,
  items: readonly T[],
  hint: string,
): T {
  const exact = items.find((item) => item.id === text)
  if (exact) return exact
  const part = text.toLowerCase()
  const found =
    part.length < MIN_PART ? [] : items.filter(({ id }) => id.startsWith(part) || id.endsWith(part))
  const [only] = found
  if (only && found.length === 1) return only
  if (found.length > 1) {
    const some = found.slice(0, 4).map((item) => item.id)
    throw new Failure(
      'not_found',
      `“${text}” stands for ${found.length} ${what}s: ${some.join(', ')}${found.length > 4 ? ' …' : ''}.`,
      {
        ids: found.map((item) => item.id),
      },
    )
  }
  throw new Failure('not_found', `There is no ${what} “${text}”. ${hint}`, { id: text })
}

export async function findAttempt(core: CoreClient, text: string): Promise<Attempt> {
  return pick('attempt', text, await core.attempts.list({ all: true }), 'See: quartet ls attempts')
}

export async function findTask(core: CoreClient, text: string): Promise<TaskView> {
  return pick('task', text, await core.tasks.list({ all: true }), 'See: quartet ls tasks')
}

/** A task or an attempt, whichever has this id. */
export async function findEither(
  core: CoreClient,
  text: string,
): Promise<{ task: TaskView; attempt: null } | { task: null; attempt: Attempt }> {
  const [tasks, attempts] = await Promise.all([
    core.tasks.list({ all: true }),
    core.attempts.list({ all: true }),
  ])
  const found = pick(
    'task or attempt',
    text,
    [
      ...tasks.map((task) => ({ id: task.id, task, attempt: null })),
      ...attempts.map((attempt) => ({ id: attempt.id, task: null, attempt })),
    ],
    'See: quartet ls tasks, quartet ls attempts',
  )
  return found.task ? { task: found.task, attempt: null } : { task: null, attempt: found.attempt }
}

/** A repository by its id, its path or its name. */
export function pickRepository(
  text: string,
  realPath: string | null,
  all: readonly Repository[],
): Repository | null {
  const byPath = all.find((repo) => repo.id === text || (realPath !== null && repo.path === realPath))
  if (byPath) return byPath
  const byName = all.filter((repo) => repo.name === text)
  if (byName.length > 1)
    throw new Failure(
      'not_found',
      `${byName.length} repositories are named “${text}”: ${byName.map((repo) => repo.path).join(', ')}. Give the path.`,
    )
  return byName[0] ?? null
}
