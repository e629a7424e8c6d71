import { useCallback, useEffect, useRef, useState } from 'react'
import type { FileChange } from '../../shared/contract/attempts.ts'
import type { CoreClient } from '../../shared/contract/client.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { outcomeOf, useApp } from '../connection/app-context.ts'
import { type DiffFile, diffFiles, letterOf } from './diff-model.ts'
import { treeOrder } from './file-tree.ts'
import { parsePatch } from './patch.ts'

/** How a path stands between two attempts: changed by one of them, by both alike, or by both differently. */
export type Relation = 'only-other' | 'only-this' | 'same' | 'differs'

/** One changed file: what the list knows of it and its lines. */
export interface ReadFile {
  diff: DiffFile
  letter: string
  added: number | null
  removed: number | null
  /** null against the base. */
  relation: Relation | null
  /** Its lines are not here: the patch was cut before it. */
  cut: boolean
}

export type Reading =
  | { state: 'loading' }
  | { state: 'failed'; message: string }
  | {
      state: 'there'
      files: readonly ReadFile[]
      /** What was read: the attempt's head, null when it is unknown. */
      headSha: string | null
      /** The other attempt's head; null against the base. */
      otherSha: string | null
    }

const LETTER: Record<FileChange['status'], string> = {
  added: 'A',
  modified: 'M',
  deleted: 'D',
  renamed: 'R',
  copied: 'C',
  typechange: 'T',
  untracked: 'A',
}

/** The list knows the worktree, the lines are those of the head. */
const NOT_COMMITTED = 'Not committed yet: its lines are shown once they are'
const NOT_LOADED = 'Not read yet: the whole diff is larger than 4 MiB'

/** A file whose lines are not in the patch. */
function withoutLines(path: string, note: string): DiffFile {
  return {
    path,
    oldPath: null,
    notes: [note],
    hunks: [],
    added: 0,
    removed: 0,
    binary: false,
    fingerprint: '',
  }
}

/** Puts files in the order of the tree beside them. */
function inTreeOrder(files: readonly ReadFile[]): ReadFile[] {
  return treeOrder(files.map((file) => file.diff.path)).flatMap((index) => files[index] ?? [])
}

async function readAgainstBase(core: CoreClient, id: string): Promise<Reading> {
  const [changes, { patch, truncated }] = await Promise.all([
    core.attempts.changes({ id }),
    core.attempts.patch({ id }),
  ])
  const read = diffFiles(parsePatch(patch))
  // The last file of a cut patch may lack lines: it is read again on its own like those that are missing.
  if (truncated) read.pop()
  const byPath = new Map(read.map((file) => [file.path, file]))
  const files = changes.files.map((change): ReadFile => {
    const diff = byPath.get(change.path)
    byPath.delete(change.path)
    return {
      diff: diff ?? withoutLines(change.path, truncated ? NOT_LOADED : NOT_COMMITTED),
      letter: LETTER[change.status],
      added: change.added,
      removed: change.removed,
      relation: null,
      cut: truncated && diff === undefined,
    }
  })
  // What the list did not name (it changed between the two reads) is shown all the same.
  for (const diff of byPath.values()) files.push(fromDiff(diff, null))
  return { state: 'there', files: inTreeOrder(files), headSha: changes.headSha, otherSha: null }
}

function fromDiff(diff: DiffFile, relation: Relation | null): ReadFile {
  return {
    diff,
    letter: letterOf(diff),
    added: diff.binary ? null : diff.added,
    removed: diff.binary ? null : diff.removed,
    relation,
    cut: false,
  }
}

/** From the other attempt to this one: what is green is this one's. */
async function readAgainstAttempt(core: CoreClient, id: string, other: string): Promise<Reading> {
  const pair = { a: other, b: id }
  const [compared, { patch, truncated }] = await Promise.all([
    core.review.compare(pair),
    core.review.patch(pair),
  ])
  const read = diffFiles(parsePatch(patch))
  if (truncated) read.pop()
  const byPath = new Map(read.map((file) => [file.path, file]))
  const listed = (
    relation: Relation,
    list: readonly { path: string; added: number | null; removed: number | null }[],
  ) =>
    list.map((file): ReadFile => {
      const diff = byPath.get(file.path)
      byPath.delete(file.path)
      const note =
        relation === 'same' ? 'Both made the same change' : truncated ? NOT_LOADED : 'No lines to show'
      return {
        diff: diff ?? withoutLines(file.path, note),
        letter: diff ? letterOf(diff) : 'M',
        added: file.added,
        removed: file.removed,
        relation,
        cut: truncated && diff === undefined && relation !== 'same',
      }
    })
  const files = [
    ...listed('differs', compared.differing),
    ...listed('only-other', compared.onlyA),
    ...listed('only-this', compared.onlyB),
    ...listed('same', compared.same),
    ...[...byPath.values()].map((diff) => fromDiff(diff, 'differs')),
  ]
  return { state: 'there', files: inTreeOrder(files), headSha: compared.b.sha, otherSha: compared.a.sha }
}

/** Reads what an attempt changed against its base or against another attempt. */
export function useDiff(
  attempt: Attempt,
  against: string | null,
): { reading: Reading; again: () => void; readFile: (path: string) => void } {
  const { core } = useApp()
  const [reading, setReading] = useState<Reading>({ state: 'loading' })
  const asked = useRef(0)
  const { id } = attempt

  const load = useCallback(
    async (fresh: boolean) => {
      const number = ++asked.current
      if (fresh) setReading({ state: 'loading' })
      const outcome = await outcomeOf(() =>
        against === null ? readAgainstBase(core(), id) : readAgainstAttempt(core(), id, against),
      )
      // Another attempt may have been chosen meanwhile.
      if (number !== asked.current) return
      setReading(outcome.ok ? outcome.value : { state: 'failed', message: outcome.message })
    },
    [core, id, against],
  )
  useEffect(() => {
    void load(true)
    return () => {
      asked.current += 1
    }
  }, [load])

  const readFile = useCallback(
    async (path: string) => {
      const outcome = await outcomeOf(() =>
        against === null
          ? core().attempts.patch({ id, paths: [path] })
          : core().review.patch({ a: against, b: id, paths: [path] }),
      )
      const lines = outcome.ok
        ? diffFiles(parsePatch(outcome.value.patch)).find((file) => file.path === path)
        : undefined
      const note = !outcome.ok
        ? outcome.message
        : outcome.value.truncated
          ? 'This file alone is larger than 4 MiB: only its first lines are shown'
          : 'No lines to show'
      setReading((have) =>
        have.state === 'there'
          ? {
              ...have,
              files: have.files.map((file) =>
                file.diff.path === path
                  ? { ...file, diff: lines ?? withoutLines(path, note), cut: false }
                  : file,
              ),
            }
          : have,
      )
    },
    [core, id, against],
  )

  return { reading, again: () => void load(false), readFile: (path) => void readFile(path) }
}
