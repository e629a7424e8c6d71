import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { summariseFailure } from './check-summary.ts'

/** What the tools really printed (Go's is written after its documentation: there is no Go on the machine that made these). */
const output = (name: string) => readFile(join(import.meta.dirname, 'fixtures', `${name}.txt`), 'utf8')

it.each<[string, string[]]>([
  [
    'node-spec',
    [
      '✗ subtracts (nt/math.test.mjs:4)',
      '  AssertionError [ERR_ASSERTION]: Expected values to be strictly equal:',
      '  2 !== 1',
      '✗ throws (nt/math.test.mjs:5)',
      '  TypeError: x is not a function',
    ],
  ],
  [
    'node-tap',
    [
      '✗ subtracts (nt/math.test.mjs:4)',
      '  Expected values to be strictly equal:',
      '  2 !== 1',
      '✗ throws (nt/math.test.mjs:5)',
      '  x is not a function',
    ],
  ],
  [
    'vitest',
    [
      '✗ sum.test.ts > sum > adds (sum.test.ts:2)',
      '  AssertionError: expected 3 to be 4 // Object.is equality',
      '  - 4',
      '  + 3',
      '✗ sum.test.ts > boom (sum.test.ts:3)',
      '  Error: boom happened',
    ],
  ],
  [
    'jest',
    [
      '✗ sum › adds 1 + 2 (jt/sum.test.js:2)',
      '  expect(received).toBe(expected) // Object.is equality',
      '  Expected: 3',
      '  Received: -1',
      '✗ boom (jt/sum.test.js:3)',
      '  boom happened',
    ],
  ],
  [
    'mocha',
    ['✗ sum › adds (mt.js:1)', '  AssertionError [ERR_ASSERTION]: 1 == 2', '  + expected - actual', '  -1'],
  ],
  [
    'pytest',
    [
      '✗ test_math.py::test_add (test_math.py:5)',
      '  assert -1 == 3',
      '✗ test_math.py::TestThing::test_raises (test_math.py:10)',
      '  ValueError: bad value',
      '✗ test_math.py::test_par[2] (test_math.py:13)',
      '  assert 2 == 1',
    ],
  ],
  [
    'cargo-test',
    [
      '✗ tests::breaks (src/lib.rs:6)',
      '  index out of bounds: the len is 0 but the index is 0',
      '✗ tests::adds (src/lib.rs:4)',
      '  assertion `left == right` failed: sum is wrong',
      '  left: -1',
      '  right: 3',
    ],
  ],
  [
    'cargo-build',
    [
      '✗ error[E0277]: cannot add `&str` to `i32` (src/lib.rs:1)',
      '  no implementation for `i32 + &str`',
      '✗ error[E0600]: cannot apply unary operator `-` to type `u32` (src/lib.rs:2)',
      '  cannot apply unary operator `-`',
    ],
  ],
  [
    'go-test',
    [
      '✗ TestAdd (math_test.go:9)',
      '  got -1, want 3',
      '✗ TestTable/empty (math_test.go:21)',
      '  unexpected error: EOF',
    ],
  ],
  ['go-build', ['✗ undefined: foo (./math.go:4)', '✗ declared and not used: x (./math.go:7)']],
  [
    'tsc',
    [
      "✗ error TS2322: Type 'string' is not assignable to type 'number'. (a.ts:1)",
      "✗ error TS2551: Property 'lenght' does not exist on type 'string'. Did you mean 'length'? (a.ts:2)",
    ],
  ],
  [
    'tsc-pretty',
    [
      "✗ error TS2322: Type 'string' is not assignable to type 'number'. (a.ts:1)",
      "✗ error TS2551: Property 'lenght' does not exist on type 'string'. Did you mean 'length'? (a.ts:2)",
    ],
  ],
  [
    'eslint',
    [
      "✗ 'unused' is assigned a value but never used (no-unused-vars) (es/a.js:1)",
      "✗ 'console' is not defined (no-undef) (es/a.js:2)",
      "✗ 'foo' is not defined (no-undef) (es/a.js:2)",
    ],
  ],
  [
    'make-cc',
    [
      '✗ ‘retrun’ undeclared (first use in this function) (m.c:2)',
      '✗ expected ‘;’ before numeric constant (m.c:2)',
    ],
  ],
  ['make', ['✗ make: [Makefile:3: all] Error 1']],
  [
    'node-throw',
    [
      '✗ AssertionError [ERR_ASSERTION]: Expected values to be strictly deep-equal: (__tests__/unit.cjs:126)',
      "  +       test2: '-9007199254740998'",
      '  -       test2: -9007199254740998n',
      "  +       test2: '-9007199254740998'",
    ],
  ],
  ['node-syntax', ['✗ SyntaxError: Unexpected end of input (json-with-bigint.js:601)']],
  ['python-throw', ['✗ ValueError: bad value (helper.py:2)']],
])('tells only the failures of %s', async (name, expected) => {
  expect(summariseFailure(await output(name), '/work/tree').split('\n')).toEqual(expected)
})

it('counts what it leaves out', () => {
  const errors = Array.from({ length: 40 }, (_, i) => `src/a.ts(${i + 1},1): error TS1: no ${i}`)
  const lines = summariseFailure(errors.join('\n')).split('\n')
  expect(lines).toHaveLength(7)
  expect(lines.at(-1)).toBe('… 34 more failures in the log')
})

it('keeps the lines that tell what is wrong of an unknown tool', () => {
  const text = ['checking a', '\x1b[31merror: b is broken\x1b[0m', 'checking c', '0 errors in c'].join('\n')
  expect(summariseFailure(text)).toBe('error: b is broken')
})

it('shows the end when nothing tells', () => {
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`)
  expect(summariseFailure(lines.join('\n')).split('\n')).toEqual(lines.slice(-14))
})

it('stays short and quick, however long the output', () => {
  const text = Array.from({ length: 20_000 }, (_, i) => `error ${i} ${'x'.repeat(i % 1_000)}`).join('\n')
  const started = performance.now()
  const summary = summariseFailure(text)
  expect(performance.now() - started).toBeLessThan(2_000)
  expect(summary.split('\n')).toHaveLength(15)
  expect(summary.length).toBeLessThan(5_000)
})
