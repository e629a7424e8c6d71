import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { Settings } from '../../../shared/domain/settings.ts'
import { NO_WORKFLOW, parseWorkflow } from './workflow.ts'
import { draftWorkflow } from './workflow-draft.ts'
import { effectiveSettings } from './workflow-settings.ts'

async function draftFor(files: Record<string, string>) {
  const dir = await mkdtemp(join(tmpdir(), 'quartet-draft-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  const { text, notes } = await draftWorkflow(dir)
  return { workflow: parseWorkflow(text), text, notes }
}

it('drafts from package.json with the package manager of its lock file', async () => {
  const { workflow } = await draftFor({
    'package.json': JSON.stringify({
      scripts: { test: 'vitest', lint: 'eslint .', dev: 'vite', typecheck: 'tsc' },
      devDependencies: { vitest: '1' },
    }),
    'pnpm-lock.yaml': '',
    '.env': 'A=1',
  })
  expect(workflow.checks.map((check) => [check.name, check.run])).toEqual([
    ['lint', 'pnpm run lint'],
    ['types', 'pnpm run typecheck'],
    ['tests', 'pnpm test'],
  ])
  expect(workflow.hooks.after_create?.trim()).toBe('pnpm install --frozen-lockfile')
  expect(workflow.files.copy).toEqual(['.env'])
  expect(workflow.template).toContain('{{ issue.description }}')
})

it('leaves out npm’s placeholder and a manifest that cannot be read', async () => {
  const placeholder = { scripts: { test: 'echo "Error: no test specified" && exit 1' } }
  const { workflow, notes } = await draftFor({ 'package.json': JSON.stringify(placeholder) })
  expect(workflow.checks).toEqual([])
  expect(notes.join(' ')).toContain('No build or test command')
  expect((await draftFor({ 'package.json': '{' })).workflow.checks).toEqual([])
})

it.each([
  [{ 'Cargo.toml': '[package]\nname="x"\n' }, ['cargo build --quiet', 'cargo test --quiet']],
  [{ 'go.mod': 'module x\n' }, ['go vet ./...', 'go test ./...']],
  [{ 'pyproject.toml': '[tool.ruff]\n[tool.pytest.ini_options]\n' }, ['ruff check .', 'python -m pytest -q']],
  [
    { Makefile: 'VAR := 1\nall: build\nbuild test: deps\n\techo\n.PHONY: lint\nlint:\n' },
    ['make lint', 'make build', 'make test'],
  ],
])('drafts from %j', async (files, runs) => {
  expect(
    (await draftFor(files as unknown as Record<string, string>)).workflow.checks.map((check) => check.run),
  ).toEqual(runs)
})

it('says of each setting what is in force, from where, and on which line', () => {
  const text = '---\nattempts:\n  count: 2\nland: {method: merge}\n---\nx'
  const all = effectiveSettings(parseWorkflow(text), text, Settings.parse({ defaultAgents: ['codex'] }), 'W')
  const of = (key: string) => all.find((setting) => setting.key === key)
  expect(of('attempts.count')).toMatchObject({ value: 2, source: 'workflow', line: 3 })
  expect(of('attempts.agents')).toMatchObject({ value: ['codex'], source: 'settings', line: null })
  expect(of('land.method')).toMatchObject({ value: 'merge', source: 'workflow', line: 4 })
  expect(of('hooks.timeout_ms')).toMatchObject({ value: 60_000, source: 'default' })
  expect(
    effectiveSettings(NO_WORKFLOW, null, Settings.parse({}), 'W').every(
      (setting) => setting.source !== 'workflow',
    ),
  ).toBe(true)
})
