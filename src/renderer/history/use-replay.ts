import { type RefObject, useEffect, useState } from 'react'
import type { Attempt } from '../../shared/domain/attempt.ts'
import type { Fact } from '../../shared/domain/fact.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { useHost } from '../state/host.ts'
import { terminalTheme } from '../terminal/terminal-theme.ts'
import { findPlace } from './replay-place.ts'
import { ReplayPlayer } from './replay-player.ts'
import { ReplayScreen } from './replay-screen.ts'
import { type ReplayTimeline, replayTimeline, timeAt } from './replay-time.ts'

export type Replay =
  | { phase: 'loading' }
  | { phase: 'empty' }
  | { phase: 'problem'; message: string }
  | {
      phase: 'ready'
      player: ReplayPlayer
      timeline: ReplayTimeline
      live: boolean
      /** Runs of this attempt: its agent may have been started again. */
      runs: number
      facts: readonly Fact[]
    }

const PAGE_BYTES = 262_144
/** The newest of an attempt's facts: more than a scrubber can hold. */
const MAX_FACTS = 1_000

/**
 * Loads the recording of a run of an attempt's terminal (the newest for null) and draws it in `host`; a change of `epoch`,
 * the number of its newest run, is another recording. It begins at `lines` when these are given and found, and waits there.
 */
export function useReplay(
  attempt: Attempt,
  epoch: number,
  run: number | null,
  lines: readonly string[] | null,
  host: RefObject<HTMLElement | null>,
): Replay {
  const { core } = useApp()
  const { id } = attempt
  const [replay, setReplay] = useState<Replay>({ phase: 'loading' })
  // biome-ignore lint/correctness/useExhaustiveDependencies: another epoch is another recording
  useEffect(() => {
    const place = host.current
    if (!place) return
    let closed = false
    let stop = () => {}
    const which = run === null ? {} : { run }
    setReplay({ phase: 'loading' })
    void outcomeOf(async () => {
      const [found, facts] = await Promise.all([
        core().attempts.marks({ id, ...which }),
        core().history.facts({ attemptId: id, limit: MAX_FACTS }),
      ])
      const timeline = replayTimeline(found.marks, found.bytes)
      return timeline && found.bytes > 0 ? { timeline, live: found.live, runs: found.runs, facts } : null
    }).then((loaded) => {
      if (closed) return
      if (!loaded.ok) return setReplay({ phase: 'problem', message: loaded.message })
      if (!loaded.value) return setReplay({ phase: 'empty' })
      const { timeline, live, runs, facts } = loaded.value
      const encoder = new TextEncoder()
      const read = async (offset: number, maxBytes: number) => {
        const part = await core().attempts.log({ id, from: offset, maxBytes, raw: true, ...which })
        const bytes = encoder.encode(part.text)
        return { start: Math.max(offset, part.next - bytes.length), next: part.next, bytes }
      }
      const screen = new ReplayScreen(place, look(), () => place.closest('section')?.focus())
      const player = new ReplayPlayer(
        timeline,
        {
          read: (offset) => read(offset, PAGE_BYTES),
          screen: async (offset) => {
            const { text, ...found } = await core().attempts.screenAt({ id, offset, ...which })
            return { ...found, bytes: encoder.encode(text) }
          },
        },
        screen,
      )
      const restyle = () => screen.setLook(look())
      const unstyle = useHost.subscribe(restyle)
      // The theme is an attribute of the page: the colours of a terminal are read from it.
      const theme = new MutationObserver(restyle)
      theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
      const stopClock = runClock(player)
      stop = () => {
        stopClock()
        theme.disconnect()
        unstyle()
        player.close()
        screen.dispose()
      }
      setReplay({ phase: 'ready', player, timeline, live, runs, facts })
      void player.seek(timeline.start)
      if (!lines) return player.play()
      void outcomeOf(() => findPlace(read, timeline.bytes, lines)).then((place) => {
        if (closed) return
        if (place.ok && place.value !== null) void player.seek(timeAt(timeline, place.value))
        else player.play()
      })
    })
    return () => {
      closed = true
      stop()
    }
  }, [core, id, epoch, run, lines, host])
  return replay
}

const look = () => ({
  fontSize: useHost.getState().settings?.fontSize ?? 13,
  theme: terminalTheme(document),
})

/** Ticks with the frames while it plays; rests while it does not. */
function runClock(player: ReplayPlayer): () => void {
  let frame: number | null = null
  let last = 0
  const tick = (now: number) => {
    // After a hidden tab the time that passed there is not replayed.
    player.tick(Math.min(100, now - last))
    last = now
    frame = player.get().playing ? requestAnimationFrame(tick) : null
  }
  const wake = () => {
    if (frame !== null || !player.get().playing) return
    last = performance.now()
    frame = requestAnimationFrame(tick)
  }
  const unsubscribe = player.subscribe(wake)
  wake()
  return () => {
    unsubscribe()
    if (frame !== null) cancelAnimationFrame(frame)
  }
}
