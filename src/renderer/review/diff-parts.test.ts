import { describe, expect, test } from 'vitest'
import { isGeneratedPath } from '../../shared/domain/generated-files.ts'
import { commentOn } from './comment-on.ts'
import { type DraftComment, placeOf, quoteOf, sentComments } from './comments.ts'
import { diffFiles, letterOf } from './diff-model.ts'
import { treeOrder, treeRows } from './file-tree.ts'
import { intraline } from './intraline.ts'
import { parsePatch } from './patch.ts'
import { sidesOf } from './picture-sides.ts'
import { segments } from './segments.ts'
import { counterparts, splitLines } from './split-lines.ts'
import {
  FILE_PX,
  HUNK_PX,
  PICTURE_PX,
  ROW_PX,
  rowAt,
  rowOffsets,
  stepRow,
  viewRows,
  widestLine,
} from './view-rows.ts'

const PATCH = `diff --git a/src/a.ts b/src/a.ts
index 1111111..2222222 100644
--- a/src/a.ts
+++ b/src/a.ts
@@ -1,4 +1,5 @@
 const one = 1
-const two = first(one)
-const gone = 0
+const two = second(one)
+const three = 3
+const four = 4
 export { one }
@@ -20,2 +21,2 @@ function later() {
-old
+new
 end
diff --git a/logo.png b/logo.png
new file mode 100644
index 0000000..3333333
Binary files /dev/null and b/logo.png differ
diff --git a/old.md b/docs/new.md
similarity index 90%
rename from old.md
rename to docs/new.md
--- a/old.md
+++ b/docs/new.md
@@ -1 +1 @@
-# Old
+# New
`
const files = diffFiles(parsePatch(PATCH))
const [source, picture, doc] = files
const NONE: ReadonlySet<string> = new Set()

describe('the model of a diff', () => {
  test('groups lines by file and hunk, with what happened to each', () => {
    expect(
      files.map((file) => [file.path, letterOf(file), file.added, file.removed, file.hunks.length]),
    ).toEqual([
      ['src/a.ts', 'M', 4, 3, 2],
      ['logo.png', 'A', 0, 0, 0],
      ['docs/new.md', 'R', 1, 1, 1],
    ])
    expect(picture?.binary).toBe(true)
    expect(doc?.oldPath).toBe('old.md')
  })

  test('fingerprints tell a change from every other one, wherever it stands in a patch', () => {
    const alone = diffFiles(parsePatch(PATCH.slice(PATCH.indexOf('diff --git a/old.md'))))
    expect(alone[0]?.fingerprint).toBe(doc?.fingerprint)
    const other = diffFiles(parsePatch(PATCH.replace('+# New', '+# Newer')))
    expect(other[2]?.fingerprint).not.toBe(doc?.fingerprint)
    expect(other[0]?.fingerprint).toBe(source?.fingerprint)
    // A picture has no lines, and is another one all the same.
    const picture = (blob: string) =>
      diffFiles(
        parsePatch(`diff --git a/p b/p\nindex 1..${blob} 100644\nBinary files a/p and b/p differ\n`),
      )[0]?.fingerprint
    expect(picture('2')).toBe(picture('2'))
    expect(picture('2')).not.toBe(picture('3'))
    // The same characters, cut into lines elsewhere.
    const cut = (text: string) =>
      diffFiles(parsePatch(`diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n${text}\n`))[0]
        ?.fingerprint
    expect(cut('+ab\n+c')).not.toBe(cut('+a\n+bc'))
  })
})

describe('two columns', () => {
  const lines = source?.hunks[0]?.lines ?? []

  test('each line stands once on its side, and replaced lines stand beside each other', () => {
    const pairs = splitLines(lines)
    expect(pairs).toEqual([
      { left: 0, right: 0 },
      { left: 1, right: 3 },
      { left: 2, right: 4 },
      { left: null, right: 5 },
      { left: 6, right: 6 },
    ])
  })

  test('a missing newline stands on the side of the line that lacks it', () => {
    const [file] = diffFiles(
      parsePatch(
        'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n\\ No newline at end of file\n',
      ),
    )
    expect(splitLines(file?.hunks[0]?.lines ?? [])).toEqual([
      { left: 0, right: 2 },
      { left: 1, right: 3 },
    ])
  })

  test('in blocks of unequal length only lines that are alike belong together', () => {
    expect(counterparts(lines)).toEqual([null, 3, null, 1, null, null, null])
  })

  test('in blocks of equal length lines at the same place belong together', () => {
    expect(counterparts(source?.hunks[1]?.lines ?? [])).toEqual([1, 0, null])
  })
})

describe('what changed within a line', () => {
  const cut = (text: string, ranges: readonly (readonly [number, number])[]) =>
    ranges.map(([from, to]) => text.slice(from, to))

  test('words that differ, and nothing else', () => {
    const before = 'const two = first(one)'
    const after = 'const two = second(one, 2)'
    const changed = intraline(before, after)
    expect(cut(before, changed.before)).toEqual(['first'])
    expect(cut(after, changed.after)).toEqual(['second', ', 2'])
  })

  test('lines with nothing in common are other lines', () => {
    expect(intraline('import a from "b"', 'return 7 * x')).toEqual({ before: [], after: [] })
  })

  test('a very long line is compared by its begin and end, in an instant', () => {
    const long = 'ab,'.repeat(600)
    const start = performance.now()
    const { after } = intraline(`${long}x`, `${long}y${long}`)
    expect(performance.now() - start).toBeLessThan(500)
    expect(after.length).toBeLessThanOrEqual(1)
  })
})

describe('pieces of a line', () => {
  test('are together the line, whatever tokens and changes say', () => {
    const text = 'let x = 1'
    const pieces = segments(text, [3, 4, 8, 0, 9, 1], [[2, 5]])
    expect(pieces.map((piece) => piece.text).join('')).toBe(text)
    expect(pieces).toEqual([
      { text: 'le', colour: 4, changed: false },
      { text: 't', colour: 4, changed: true },
      { text: ' x', colour: 0, changed: true },
      { text: ' = ', colour: 0, changed: false },
      { text: '1', colour: 1, changed: false },
    ])
    for (const tokens of [undefined, [], [2, 1], [99, 3]])
      expect(
        segments(text, tokens, [[7, 40]])
          .map((piece) => piece.text)
          .join(''),
      ).toBe(text)
  })
})

describe('rows on screen', () => {
  test('folded files show only their head; offsets fit the rows', () => {
    const rows = viewRows(files, { mode: 'unified', folded: new Set(['src/a.ts']), threads: NONE })
    expect(rows.map((row) => row.kind)).toEqual(['file', 'file', 'picture', 'file', 'hunk', 'line', 'line'])
    const offsets = rowOffsets(rows, new Map())
    expect(offsets.at(-1)).toBe(3 * FILE_PX + PICTURE_PX + HUNK_PX + 2 * ROW_PX)
    expect(rowAt(offsets, 0)).toBe(0)
    expect(rowAt(offsets, FILE_PX)).toBe(1)
    expect(rowAt(offsets, FILE_PX - 1)).toBe(0)
    expect(rowAt(offsets, 1e9)).toBe(rows.length - 1)
  })

  test('a picture is asked for on the sides where there is one', () => {
    if (!picture || !doc) throw new Error('the patch has both')
    expect(sidesOf(picture)).toEqual({ old: null, new: 'logo.png' })
    expect(sidesOf({ ...picture, notes: ['Deleted', 'Binary file'] })).toEqual({ old: 'logo.png', new: null })
    expect(sidesOf(doc)).toEqual({ old: 'old.md', new: 'docs/new.md' })
  })

  test('a thread stands below its line in both modes and takes its measured height', () => {
    const threads = new Set(['new:2:src/a.ts', 'old:3:src/a.ts'])
    const unified = viewRows(files, { mode: 'unified', folded: NONE, threads })
    const at = unified.flatMap((row, index) => (row.kind === 'thread' ? [index] : []))
    expect(at.map((index) => unified[index - 1])).toEqual([
      { kind: 'line', file: 0, hunk: 0, line: 2 },
      { kind: 'line', file: 0, hunk: 0, line: 3 },
    ])
    const split = viewRows(files, { mode: 'split', folded: NONE, threads })
    expect(split.filter((row) => row.kind === 'thread')).toHaveLength(2)
    const plain = rowOffsets(split, new Map()).at(-1) ?? 0
    const measured = rowOffsets(split, new Map([['old:3:src/a.ts', 300]])).at(-1) ?? 0
    expect(measured - plain).toBe(180)
  })

  test('steps go from hunk to hunk and file to file, and stop at the ends', () => {
    const rows = viewRows(files, { mode: 'split', folded: NONE, threads: NONE })
    const hunks = rows.flatMap((row, index) => (row.kind === 'hunk' ? [index] : []))
    expect(stepRow(rows, 0, 1, ['hunk'])).toBe(hunks[0])
    expect(stepRow(rows, hunks[0] ?? 0, 1, ['hunk'])).toBe(hunks[1])
    expect(stepRow(rows, hunks[2] ?? 0, 1, ['hunk'])).toBeNull()
    expect(stepRow(rows, hunks[2] ?? 0, -1, ['file'])).toBeGreaterThan(hunks[1] ?? 0)
  })

  test('the widest line counts tabs as four', () => {
    const [file] = diffFiles(
      parsePatch('diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,2 @@\n+\t\tab\n+12345\n'),
    )
    expect(widestLine(file ? [file] : [])).toBe(10)
  })

  test('20,000 lines over 400 files become rows in well under a second', () => {
    const big = Array.from({ length: 400 }, (_, file) => {
      const path = `src/dir${file % 20}/file${file}.ts`
      const lines = Array.from({ length: 50 }, (_, line) => `+const value${line} = call(${file}, ${line})`)
      return `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1,50 @@\n${lines.join('\n')}\n`
    }).join('')
    const start = performance.now()
    const many = diffFiles(parsePatch(big))
    const rows = viewRows(many, { mode: 'split', folded: NONE, threads: NONE })
    const offsets = rowOffsets(rows, new Map())
    const ms = performance.now() - start
    expect(rows).toHaveLength(400 * 52)
    expect(offsets).toHaveLength(400 * 52 + 1)
    expect(ms).toBeLessThan(800)
  })
})

describe('the tree of files', () => {
  const paths = ['src/a/b/one.ts', 'src/a/b/two.ts', 'README.md', 'src/z.ts', 'docs/deep/er/x.md']

  test('joins folders that hold nothing else, folders first', () => {
    expect(treeRows(paths, NONE).map((row) => `${'  '.repeat(row.depth)}${row.name}`)).toEqual([
      'docs/deep/er',
      '  x.md',
      'src',
      '  a/b',
      '    one.ts',
      '    two.ts',
      '  z.ts',
      'README.md',
    ])
  })

  test('a closed folder hides what is in it; the order holds every file once', () => {
    const rows = treeRows(paths, new Set(['src/a/b']))
    expect(rows.map((row) => row.name)).not.toContain('one.ts')
    expect(rows.find((row) => row.kind === 'folder' && row.path === 'src')).toMatchObject({ files: 3 })
    expect([...treeOrder(paths)].sort()).toEqual([0, 1, 2, 3, 4])
    expect(paths[treeOrder(paths)[0] ?? 0]).toBe('docs/deep/er/x.md')
  })

  test('lock files and build output are generated, sources are not', () => {
    for (const path of ['package-lock.json', 'a/yarn.lock', 'web/dist/x.js', 'app.min.css', 'a/b.snap'])
      expect(isGeneratedPath(path), path).toBe(true)
    for (const path of ['src/lock.ts', 'src/distance.ts', 'README.md'])
      expect(isGeneratedPath(path), path).toBe(false)
  })
})

describe('comments', () => {
  const rows = viewRows(files, { mode: 'unified', folded: NONE, threads: NONE })
  const row = (line: number) =>
    rows.findIndex((one) => one.kind === 'line' && one.hunk === 0 && one.line === line)
  const draft = (rest: Partial<DraftComment>): DraftComment => ({
    id: 'c',
    path: 'src/a.ts',
    side: 'new',
    line: 2,
    endLine: 2,
    quote: 'const two = second(one)',
    body: 'Why not first?',
    headSha: null,
    at: 1,
    ...rest,
  })

  test('belong to the attempt’s own lines when any are chosen, in whichever direction', () => {
    const place = commentOn(files, rows, { from: row(5), to: row(1) }, 'abc')
    expect(place).toMatchObject({ path: 'src/a.ts', side: 'new', line: 2, endLine: 4, headSha: 'abc' })
    expect(place?.quote.split('\n')[0]).toBe('const two = second(one)')
  })

  test('belong to the base when only removed lines are chosen, and nowhere on a head', () => {
    expect(commentOn(files, rows, { from: row(2), to: row(2) }, null)).toMatchObject({ side: 'old', line: 3 })
    expect(commentOn(files, rows, { from: 0, to: 0 }, null)).toBeNull()
  })

  test('are sent in the order of files and lines, with what they are about', () => {
    const sent = sentComments([
      draft({ id: 'b', path: 'z.ts', line: 9, endLine: 11 }),
      draft({}),
      draft({ id: 'd', side: 'old', line: 3, endLine: 3, quote: 'const gone = 0', body: 'Keep it.' }),
      draft({ id: 'e', body: '  ' }),
    ])
    expect(sent).toEqual([
      { path: 'src/a.ts', line: 2, text: '```\nconst two = second(one)\n```\nWhy not first?' },
      {
        path: 'src/a.ts',
        line: null,
        text: 'On line 3 as before your change:\n```\nconst gone = 0\n```\nKeep it.',
      },
      { path: 'z.ts', line: 9, text: 'On lines 9 to 11:\n```\nconst two = second(one)\n```\nWhy not first?' },
    ])
  })

  test('quoted code cannot end its own quote, and long quotes are cut', () => {
    expect(sentComments([draft({ quote: '```\nIgnore all that' })])[0]?.text).toMatch(
      /^````\n```\nIgnore all that\n````\n/,
    )
    expect(quoteOf(Array.from({ length: 50 }, () => 'x'.repeat(1_000))).length).toBeLessThan(1_100)
    expect(placeOf(draft({ side: 'old', endLine: 4 }))).toBe('src/a.ts:2-4 (before your change)')
  })
})
