import { describe, expect, test } from 'vitest'
import { MAX_LINE_CHARS, parsePatch } from './patch.ts'

const lines = (...text: string[]) => `${text.join('\n')}\n`

describe('patch', () => {
  test('numbers lines of both sides', () => {
    const rows = parsePatch(
      lines(
        'diff --git a/x.js b/x.js',
        'index 1..2 100644',
        '--- a/x.js',
        '+++ b/x.js',
        '@@ -3,3 +3,3 @@ f()',
        ' a',
        '-b',
        '+B',
        ' c',
      ),
    )
    expect(rows).toEqual([
      { kind: 'file', path: 'x.js', oldPath: null, blob: '2' },
      { kind: 'hunk', text: '@@ -3,3 +3,3 @@ f()' },
      { kind: 'context', oldLine: 3, newLine: 3, text: 'a' },
      { kind: 'del', oldLine: 4, newLine: null, text: 'b' },
      { kind: 'add', oldLine: null, newLine: 4, text: 'B' },
      { kind: 'context', oldLine: 5, newLine: 5, text: 'c' },
    ])
  })

  test('lines that look like headers are lines', () => {
    const rows = parsePatch(
      lines(
        'diff --git a/x b/x',
        '--- a/x',
        '+++ b/x',
        '@@ -1,2 +1,2 @@',
        '--- a',
        '+++ b',
        '-diff --git a/y b/y',
        '+@@ -9 +9 @@',
      ),
    )
    expect(rows.filter((row) => row.kind === 'file')).toHaveLength(1)
    expect(rows.filter((row) => row.kind === 'del').map((row) => row.kind === 'del' && row.text)).toEqual([
      '-- a',
      'diff --git a/y b/y',
    ])
    expect(rows.filter((row) => row.kind === 'hunk')).toHaveLength(1)
  })

  test('renames, new, deleted and binary files are told', () => {
    const rows = parsePatch(
      lines(
        'diff --git a/old name.txt b/new name.txt',
        'similarity index 100%',
        'rename from old name.txt',
        'rename to new name.txt',
        'diff --git a/logo.png b/logo.png',
        'new file mode 100644',
        'index 0..1',
        'Binary files /dev/null and b/logo.png differ',
        'diff --git a/gone b/gone',
        'deleted file mode 100644',
        '--- a/gone',
        '+++ /dev/null',
        '@@ -1 +0,0 @@',
        '-x',
        '\\ No newline at end of file',
      ),
    )
    expect(rows).toEqual([
      { kind: 'file', path: 'new name.txt', oldPath: 'old name.txt' },
      { kind: 'file', path: 'logo.png', oldPath: null, blob: '1' },
      { kind: 'note', text: 'New file' },
      { kind: 'note', text: 'Binary file' },
      { kind: 'file', path: 'gone', oldPath: null },
      { kind: 'note', text: 'Deleted' },
      { kind: 'hunk', text: '@@ -1 +0,0 @@' },
      { kind: 'del', oldLine: 1, newLine: null, text: 'x' },
      { kind: 'note', text: 'No newline at the end of the file' },
    ])
  })

  test('quoted names are read', () => {
    const rows = parsePatch(
      lines(
        'diff --git "a/\\303\\274ber\\t.txt" "b/\\303\\274ber\\t.txt"',
        '--- "a/\\303\\274ber\\t.txt"',
        '+++ "b/\\303\\274ber\\t.txt"',
      ),
    )
    expect(rows[0]).toEqual({ kind: 'file', path: 'über\t.txt', oldPath: null })
  })

  test('a patch that was cut in a hunk shows what there is', () => {
    const rows = parsePatch('diff --git a/x b/x\n@@ -1,9 +1,9 @@\n a\n+b')
    expect(rows.at(-1)).toEqual({ kind: 'add', oldLine: null, newLine: 2, text: 'b' })
  })

  test('one line of megabytes is cut', () => {
    const [, , row] = parsePatch(`diff --git a/x b/x\n@@ -0,0 +1 @@\n+${'x'.repeat(3_000_000)}\n`)
    expect(row?.kind === 'add' && row.text.length).toBeLessThan(MAX_LINE_CHARS + 60)
  })

  test('20,000 lines are read within a blink', () => {
    const patch = `diff --git a/x b/x\n@@ -0,0 +1,20000 @@\n${'+line of text\n'.repeat(20_000)}`
    const begun = performance.now()
    expect(parsePatch(patch)).toHaveLength(20_002)
    expect(performance.now() - begun).toBeLessThan(1_000)
  })
})
