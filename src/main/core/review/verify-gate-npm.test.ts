import { readdir, readFile } from 'node:fs/promises'
import { delimiter, dirname, join, relative } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { Signals } from '../attempts/signals.ts'
import { attempt as addWorktree, agentCommits, fixture } from '../git/fixtures.ts'
import { parseWorkflow } from '../repositories/workflow.ts'
import { eventually, openLedger, putAttempt, putRepository, putTask } from '../testing/ledger-fixture.ts'
import { VerifyGate } from './verify-gate.ts'

/** A package that ships its tests, which need nothing but Node: it is installed with the forge's client. */
const PACKAGE = join(import.meta.dirname, '../../../../node_modules/json-with-bigint')
const COMMONJS = 'json-with-bigint.cjs'
const MODULE = 'json-with-bigint.js'

async function filesOf(folder: string): Promise<Record<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    await Promise.all(files.map(async (file) => [relative(folder, file), await readFile(file)] as const)),
  )
}

/** A text with one piece of it replaced; what is replaced must be there. */
function edited(files: Record<string, Buffer>, name: string, from: string, to: string): string {
  const text = files[name]?.toString('utf8') ?? ''
  if (!text.includes(from)) throw new Error(`${name} does not hold ${from}`)
  return text.replace(from, () => to)
}

it('runs the own tests of a real project from npm for four attempts at once, and tells who broke what', async () => {
  const files = await filesOf(PACKAGE)
  const project = fixture({}, files)
  const { dir, ledger, redactor } = await openLedger()
  const repository = putRepository(ledger, project.repo)
  const { round } = putTask(ledger, repository.id, { baseSha: project.base })
  const gate = new VerifyGate({
    ledger,
    signals: new Signals(),
    clock: systemClock,
    redactor,
    logDir: join(dir, 'checks'),
    // npm starts scripts with the Node that is first on the path.
    environment: async () => ({
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: project.dir,
      npm_config_update_notifier: 'false',
    }),
    parallel: 4,
  })
  const minus = String.raw`const customFormat = /^-?\d+n$/`
  const noMinus = String.raw`const customFormat = /^\d+n$/`
  const edits: Record<string, string>[] = [
    { 'README.md': `${files['README.md']}\nTested for bigints below zero.\n` },
    // Numbers below zero stay strings: the first of the two scripts finds it, the other is never run.
    { [COMMONJS]: edited(files, COMMONJS, minus, noMinus) },
    { [MODULE]: `${files[MODULE]}\nexport const added = (` },
    { [COMMONJS]: edited(files, COMMONJS, minus, String.raw`const customFormat = /^[-]?[0-9]+n$/`) },
  ]
  const attempts = []
  for (const [i, edit] of edits.entries()) {
    const worktree = await addWorktree(project, `a${i + 1}`)
    const headSha = agentCommits(worktree, edit)
    attempts.push(putAttempt(ledger, round, repository.id, { n: i + 1, worktree, headSha }))
  }
  const { checks } = parseWorkflow('---\nverify: [{ name: test, run: npm test, timeout_ms: 120000 }]\n---\n')
  const { signal } = new AbortController()
  const verified = Promise.all(
    attempts.map((attempt) => gate.run(attempt, attempt.headSha ?? '', checks, signal)),
  )
  await eventually(() => ledger.select('checks', "status = 'running'").length === 4, 'all four at once')
  const results = (await verified).map(([check]) => check)

  expect(results.map((check) => [check?.status, check?.exitCode === 0])).toEqual([
    ['passed', true],
    ['failed', false],
    ['failed', false],
    ['passed', true],
  ])
  expect(results.map((check) => check?.headSha)).toEqual(attempts.map((attempt) => attempt.headSha))
  const summaries = results.map((check) => check?.summary.split('\n') ?? [])
  expect(summaries[0]).toEqual([''])
  expect(summaries[3]).toEqual([''])
  expect(summaries[1]?.[0]).toMatch(/^✗ AssertionError .*strictly deep-equal: \(__tests__\/unit\.cjs:\d+\)$/)
  expect(summaries[1]?.slice(1).join('\n')).toContain("-9007199254740998'")
  expect(summaries[2]).toEqual([expect.stringMatching(/^✗ SyntaxError: .+ \(json-with-bigint\.js:\d+\)$/)])
  // Few lines on the card; the log has all that was printed.
  for (const lines of summaries) expect(lines.length).toBeLessThanOrEqual(4)
  const logs = await Promise.all(results.map((check) => gate.readLog(check?.id ?? '')))
  expect(logs[0]).toContain('Deep nested test passed')
  expect(logs[1]).toContain('> node __tests__/unit.cjs')
  expect(logs[1]).not.toContain('> node __tests__/unit.mjs')
})
