import { Failure } from '../../../shared/domain/failure.ts'
import type { Ledger } from '../db/ledger.ts'
import type { FileStat } from '../git/diff.ts'
import type { Git } from '../git/git.ts'
import { headOf } from './attempt-head.ts'

export interface AttemptCompareDeps {
  ledger: Ledger
  git: Git
}

/** A diff beyond this is cut: nobody reads it at once, and it must cross the wire. */
const MAX_PATCH_BYTES = 4 * 1024 * 1024
const MAX_FILES = 20_000

export interface ComparedFile {
  path: string
  /** Lines that the attempt adds and removes against its base; null for binary files. */
  added: number | null
  removed: number | null
}

export interface Compared {
  a: { attemptId: string; sha: string }
  b: { attemptId: string; sha: string }
  /** Changed by one of them alone. */
  onlyA: ComparedFile[]
  onlyB: ComparedFile[]
  /** Changed by both to exactly the same content. */
  same: ComparedFile[]
  /** Changed by both, differently: lines from A to B. */
  differing: ComparedFile[]
}

/** Puts two attempts beside each other. What was kept of a trashed one is compared like a live one. */
export class AttemptCompare {
  readonly #deps: AttemptCompareDeps

  constructor(deps: AttemptCompareDeps) {
    this.#deps = deps
  }

  /** Which files only one of them changed, which both alike, which differently. Throws `invalid_input` across repositories. */
  async compare(a: string, b: string): Promise<Compared> {
    const { git } = this.#deps
    const { repo, first, second } = await this.#both(a, b)
    const stat = (from: string, to: string) => git.diffStatBetween({ repo, from, to, maxFiles: MAX_FILES })
    const [ofA, ofB, between] = await Promise.all([
      stat(first.attempt.baseSha, first.sha),
      stat(second.attempt.baseSha, second.sha),
      stat(first.sha, second.sha),
    ])
    const inA = byPath(ofA.perFile)
    const inB = byPath(ofB.perFile)
    const differs = byPath(between.perFile)
    const both = [...inA.keys()].filter((path) => inB.has(path))
    return {
      a: { attemptId: a, sha: first.sha },
      b: { attemptId: b, sha: second.sha },
      onlyA: listed([...inA].filter(([path]) => !inB.has(path))),
      onlyB: listed([...inB].filter(([path]) => !inA.has(path))),
      same: listed(
        both.filter((path) => !differs.has(path)).map((path) => [path, inA.get(path) as FileStat]),
      ),
      differing: listed(
        both.flatMap((path) => {
          const file = differs.get(path)
          return file ? [[path, file] as const] : []
        }),
      ),
    }
  }

  /** The patch that turns A's state into B's, for some paths or all. */
  async patch(
    a: string,
    b: string,
    paths: readonly string[] | undefined,
  ): Promise<{ patch: string; truncated: boolean }> {
    const { repo, first, second } = await this.#both(a, b)
    if (first.sha === second.sha) return { patch: '', truncated: false }
    return this.#deps.git.diffPatch({
      repo,
      from: first.sha,
      to: second.sha,
      maxBytes: MAX_PATCH_BYTES,
      ...(paths ? { paths } : {}),
    })
  }

  async #both(a: string, b: string) {
    const { ledger, git } = this.#deps
    const [one, two] = [ledger.require('attempts', a), ledger.require('attempts', b)]
    if (one.repoId !== two.repoId)
      throw new Failure('invalid_input', 'Attempts of two repositories cannot be compared.')
    const repo = ledger.require('repositories', one.repoId).path
    return {
      repo,
      first: { attempt: one, sha: await headOf(git, repo, one) },
      second: { attempt: two, sha: await headOf(git, repo, two) },
    }
  }
}

const byPath = (files: readonly FileStat[]): Map<string, FileStat> =>
  new Map(files.map((file) => [file.path, file]))

function listed(entries: readonly (readonly [string, FileStat])[]): ComparedFile[] {
  return entries
    .map(([path, file]) => ({ path, added: file.added, removed: file.removed }))
    .sort((x, y) => x.path.localeCompare(y.path))
}
