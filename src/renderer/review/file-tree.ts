/** One line of the tree of changed files. */
export type TreeRow =
  | { kind: 'folder'; path: string; name: string; depth: number; open: boolean; files: number }
  | { kind: 'file'; path: string; name: string; depth: number; index: number }

interface Node {
  folders: Map<string, Node>
  files: { name: string; index: number }[]
}

const emptyNode = (): Node => ({ folders: new Map(), files: [] })

/**
 * The tree of `paths` as lines, folders first, chains of folders with nothing else in them as one line. `closed` holds
 * the folders whose content is not shown. `index` is the place in `paths`.
 */
export function treeRows(paths: readonly string[], closed: ReadonlySet<string>): TreeRow[] {
  const root = emptyNode()
  paths.forEach((path, index) => {
    const parts = path.split('/')
    const name = parts.pop() ?? path
    let node = root
    for (const part of parts) {
      let next = node.folders.get(part)
      if (!next) {
        next = emptyNode()
        node.folders.set(part, next)
      }
      node = next
    }
    node.files.push({ name, index })
  })
  const rows: TreeRow[] = []
  const walk = (node: Node, prefix: string, depth: number) => {
    for (const [first, child] of [...node.folders].sort(([a], [b]) => a.localeCompare(b))) {
      let name = first
      let inner = child
      while (inner.files.length === 0 && inner.folders.size === 1) {
        const [only] = inner.folders
        if (!only) break
        name += `/${only[0]}`
        inner = only[1]
      }
      const path = `${prefix}${name}`
      const open = !closed.has(path)
      rows.push({ kind: 'folder', path, name, depth, open, files: countFiles(inner) })
      if (open) walk(inner, `${path}/`, depth + 1)
    }
    for (const { name, index } of [...node.files].sort((a, b) => a.name.localeCompare(b.name)))
      rows.push({ kind: 'file', path: paths[index] ?? name, name, depth, index })
  }
  walk(root, '', 0)
  return rows
}

function countFiles(node: Node): number {
  let count = node.files.length
  for (const folder of node.folders.values()) count += countFiles(folder)
  return count
}

/** The files of a tree in its order, so that the diff and the tree beside it go the same way. */
export function treeOrder(paths: readonly string[]): number[] {
  return treeRows(paths, new Set()).flatMap((row) => (row.kind === 'file' ? [row.index] : []))
}
