import { useEffect } from 'react'
import { type NeedsMe, needsMe } from '../../shared/state/selectors.ts'
import { useEntities } from '../state/entities.ts'
import { useHost } from '../state/host.ts'
import { openTask } from '../state/ui.ts'
import { plainLine } from '../ui/format.ts'

/** News within this become one notification: four attempts that finish together are one piece of news. */
const BATCH_MS = 2_500

const keyOf = (entry: NeedsMe) => `${entry.kind}:${entry.taskId}:${entry.attemptId}:${entry.since}`

/** The text of one notification for what is new. */
export function summarise(
  fresh: readonly NeedsMe[],
  titleOf: (taskId: string) => string,
): { title: string; body: string } {
  const first = fresh[0]
  if (!first) return { title: 'Quartet', body: '' }
  if (fresh.length === 1)
    return { title: plainLine(titleOf(first.taskId), 80), body: plainLine(first.detail, 160) }
  return {
    title: `${fresh.length} things need you`,
    body: [...new Set(fresh.map((entry) => titleOf(entry.taskId)))]
      .map((title) => plainLine(title, 60))
      .join('\n'),
  }
}

/**
 * Says outside of the window that something waits: the count in the title always, a desktop notification when the
 * engineer looks elsewhere and wants them. What waited already when the window opened is no news.
 */
export function useAttention(): void {
  useEffect(() => {
    let known: Set<string> | null = null
    let fresh: NeedsMe[] = []
    let timer: ReturnType<typeof setTimeout> | null = null
    let badge = 0
    const show = () => {
      timer = null
      const news = fresh
      fresh = []
      const state = useEntities.getState()
      const open = new Set(needsMe(state).map(keyOf))
      const still = news.filter((entry) => open.has(keyOf(entry)))
      if (still.length === 0 || document.hasFocus()) return
      if (!useHost.getState().settings?.notifications || Notification.permission !== 'granted') return
      const text = summarise(still, (taskId) => state.tasks[taskId]?.title ?? 'A task')
      const notification = new Notification(text.title, { body: text.body, tag: 'quartet' })
      notification.onclick = () => {
        window.focus()
        const entry = still[0]
        if (entry) openTask(entry.taskId, entry.attemptId ? state.attempts[entry.attemptId]?.n : undefined)
        notification.close()
      }
    }
    const look = () => {
      const state = useEntities.getState()
      if (!state.loaded) return
      const queue = needsMe(state)
      if (queue.length !== badge) {
        badge = queue.length
        // A desktop without badges refuses; the count in the title stays.
        void window.quartet?.setBadge?.(badge).catch(() => {})
      }
      document.title = queue.length > 0 ? `(${queue.length}) Quartet` : 'Quartet'
      if (known) for (const entry of queue) if (!known.has(keyOf(entry))) fresh.push(entry)
      known = new Set(queue.map(keyOf))
      if (fresh.length > 0) timer ??= setTimeout(show, BATCH_MS)
    }
    look()
    const stop = useEntities.subscribe(look)
    return () => {
      stop()
      if (timer) clearTimeout(timer)
    }
  }, [])
}
