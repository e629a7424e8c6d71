import { create } from 'zustand'
import { createJSONStorage, persist } from 'zustand/middleware'
import type { DraftComment } from '../review/comments.ts'
import type { DiffMode } from '../review/view-rows.ts'
import { lazyStorage } from './lazy-storage.ts'

/**
 * What the engineer marked and wrote while reading diffs: it lives in this window until it is sent, through reloads and
 * restarts.
 */
interface ReviewDrafts {
  mode: DiffMode
  /** By attempt and path: fingerprint of the change that was looked at. Another change of the file is not viewed. */
  viewed: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** By attempt. */
  comments: Readonly<Record<string, readonly DraftComment[]>>
  /** What is to be said beside the comments, by attempt. */
  messages: Readonly<Record<string, string>>
}

/** Attempts whose marks and words are kept, the newest: the storage of a window is small. */
const MAX_KEPT = 60

const newest = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).slice(-MAX_KEPT))

export const useReviewDrafts = create<ReviewDrafts>()(
  persist((): ReviewDrafts => ({ mode: 'unified', viewed: {}, comments: {}, messages: {} }), {
    name: 'quartet.review',
    version: 1,
    storage: createJSONStorage(() => lazyStorage(window.localStorage)),
    partialize: (state) => ({
      mode: state.mode,
      viewed: newest(state.viewed),
      comments: newest(state.comments),
      messages: newest(state.messages),
    }),
  }),
)

export function setViewed(attemptId: string, path: string, fingerprint: string | null): void {
  useReviewDrafts.setState((state) => {
    const { [path]: _old, ...marks } = state.viewed[attemptId] ?? {}
    return {
      viewed: {
        ...state.viewed,
        [attemptId]: fingerprint === null ? marks : { ...marks, [path]: fingerprint },
      },
    }
  })
}

/** Adds a comment, or replaces the one of the same id; one without text goes. */
export function putComment(attemptId: string, comment: DraftComment): void {
  useReviewDrafts.setState((state) => {
    const others = (state.comments[attemptId] ?? []).filter((one) => one.id !== comment.id)
    return {
      comments: {
        ...state.comments,
        [attemptId]: comment.body.trim() === '' ? others : [...others, comment],
      },
    }
  })
}

export function dropComment(attemptId: string, id: string): void {
  useReviewDrafts.setState((state) => ({
    comments: {
      ...state.comments,
      [attemptId]: (state.comments[attemptId] ?? []).filter((one) => one.id !== id),
    },
  }))
}

export function setMessage(attemptId: string, text: string): void {
  useReviewDrafts.setState((state) => ({ messages: { ...state.messages, [attemptId]: text } }))
}

/** Everything that was sent goes. */
export function forgetDrafts(attemptId: string): void {
  useReviewDrafts.setState((state) => {
    const { [attemptId]: _comments, ...comments } = state.comments
    const { [attemptId]: _message, ...messages } = state.messages
    return { comments, messages }
  })
}

const NO_COMMENTS: readonly DraftComment[] = []
const NO_MARKS: Readonly<Record<string, string>> = {}

export const useComments = (attemptId: string): readonly DraftComment[] =>
  useReviewDrafts((state) => state.comments[attemptId] ?? NO_COMMENTS)

export const useViewedMarks = (attemptId: string): Readonly<Record<string, string>> =>
  useReviewDrafts((state) => state.viewed[attemptId] ?? NO_MARKS)
