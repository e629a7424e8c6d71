import type { DiffFile } from './diff-model.ts'

export type Relation = 'only-a' | 'only-b' | 'same' | 'differs'

/** One path as two attempts changed it. */
export interface ComparedFile {
  path: string
  relation: Relation
  a: DiffFile | null
  b: DiffFile | null
}

/** Of most interest first: what both touched differently is where the attempts disagree. */
const ORDER: readonly Relation[] = ['differs', 'only-a', 'only-b', 'same']

/**
 * Sets the changes of two attempts that start from one base beside each other, path by path. Two changes are the same
 * when all their lines are.
 */
export function compareFiles(a: readonly DiffFile[], b: readonly DiffFile[]): ComparedFile[] {
  const inB = new Map(b.map((file) => [file.path, file]))
  const seen = new Set(a.map((file) => file.path))
  const both: ComparedFile[] = a.map((file) => {
    const other = inB.get(file.path) ?? null
    const relation = !other ? 'only-a' : other.fingerprint === file.fingerprint ? 'same' : 'differs'
    return { path: file.path, relation, a: file, b: other }
  })
  const onlyB: ComparedFile[] = b
    .filter((file) => !seen.has(file.path))
    .map((file) => ({ path: file.path, relation: 'only-b', a: null, b: file }))
  return [...both, ...onlyB].sort(
    (x, y) => ORDER.indexOf(x.relation) - ORDER.indexOf(y.relation) || x.path.localeCompare(y.path),
  )
}

export function countRelations(files: readonly ComparedFile[]): Record<Relation, number> {
  const counts: Record<Relation, number> = { 'only-a': 0, 'only-b': 0, same: 0, differs: 0 }
  for (const file of files) counts[file.relation] += 1
  return counts
}
