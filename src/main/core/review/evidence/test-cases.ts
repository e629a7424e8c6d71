import type { PatchFile } from './patch-lines.ts'

/** How a test case is declared, by the end of a file's name. */
const DECLARATIONS: readonly (readonly [RegExp, RegExp])[] = [
  [
    /\.[cm]?[jt]sx?$/,
    /^\s*(?:await\s+)?(?:it|test|Deno\.test)(?:\.(?:each|only|skip|concurrent|todo|fails|for))*\s*[(`<]/,
  ],
  [/\.pyi?$/, /^\s*(?:async\s+)?def\s+test_?\w*\s*\(/],
  [/\.go$/, /^func\s+(?:Test|Fuzz|Benchmark|Example)\w*\s*\(|\bt\.Run\(/],
  [/\.rs$/, /^\s*#\[(?:\w+::)*test\b/],
  [/\.(java|kt|scala)$/, /^\s*@(?:Test|ParameterizedTest)\b/],
  [/\.cs$/, /^\s*\[(?:Fact|Theory|Test|TestMethod|TestCase)\b/],
  [/\.rb$/, /^\s*(?:it|test|specify)\s+['"]|^\s*def\s+test_/],
  [/\.swift$/, /^\s*(?:func\s+test\w*\s*\(|@Test\b)/],
  [/\.exs?$/, /^\s*test\s+"/],
  [/\.php$/, /function\s+test\w*\s*\(|^\s*(?:it|test)\(/],
  [/\.(sh|bats)$/, /^\s*@test\s/],
]

/** Test cases that a diff declares and those it takes away; one that is only edited counts in both. */
export function countTestCases(files: readonly PatchFile[]): { added: number; removed: number } {
  let added = 0
  let removed = 0
  for (const file of files) {
    const shape = DECLARATIONS.find(([name]) => name.test(file.path))?.[1]
    if (!shape) continue
    added += file.lines.filter((line) => line.added && shape.test(line.text)).length
    removed += file.removed.filter((text) => shape.test(text)).length
  }
  return { added, removed }
}
