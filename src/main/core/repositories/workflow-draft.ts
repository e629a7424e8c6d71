import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'

interface Found {
  checks: { name: string; run: string }[]
  afterCreate: string[]
  link: string[]
  copy: string[]
  /** What the draft rests on, one sentence each. */
  notes: string[]
}

/** Scripts of a package.json that are worth a check, in the order of a fast inner loop: what is cheap comes first. */
const SCRIPTS: readonly (readonly [string, string])[] = [
  ['lint', 'lint'],
  ['typecheck', 'types'],
  ['types', 'types'],
  ['type-check', 'types'],
  ['check', 'check'],
  ['build', 'build'],
  ['test', 'tests'],
]
const TARGETS: readonly (readonly [string, string])[] = [
  ['lint', 'lint'],
  ['check', 'check'],
  ['build', 'build'],
  ['test', 'tests'],
]
/** npm's placeholder for a package without tests: it always fails. */
const NO_TESTS = /no test specified/

/** A WORKFLOW.md for the repository at `folder`, from what it has: commands are only proposed, nothing is run. */
export async function draftWorkflow(folder: string): Promise<{ text: string; notes: string[] }> {
  const found: Found = { checks: [], afterCreate: [], link: [], copy: [], notes: [] }
  await fromPackageJson(folder, found)
  await fromCargo(folder, found)
  await fromGo(folder, found)
  await fromPython(folder, found)
  await fromMakefile(folder, found)
  if (await exists(folder, '.env')) {
    found.copy.push('.env')
    found.notes.push('There is an .env file: each worktree gets a copy if git ignores it.')
  }
  if (found.checks.length === 0)
    found.notes.push(
      'No build or test command was recognised: name at least one, so that attempts can be compared.',
    )
  return { text: render(found), notes: found.notes }
}

async function fromPackageJson(folder: string, found: Found): Promise<void> {
  const manifest = await json(folder, 'package.json')
  if (!manifest) return
  const scripts = recordOf(manifest.scripts)
  const [manager, install] = await packageManager(folder)
  const taken = new Set<string>()
  for (const [script, name] of SCRIPTS) {
    const line = scripts[script]
    if (typeof line !== 'string' || NO_TESTS.test(line) || taken.has(name)) continue
    taken.add(name)
    found.checks.push({ name, run: script === 'test' ? `${manager} test` : `${manager} run ${script}` })
  }
  const needsInstall = [manifest.dependencies, manifest.devDependencies].some(
    (part) => Object.keys(recordOf(part)).length > 0,
  )
  if (needsInstall) found.afterCreate.push(install)
  found.notes.push(
    `package.json: ${taken.size} script${taken.size === 1 ? '' : 's'} taken as checks, run with ${manager}.`,
  )
}

async function packageManager(folder: string): Promise<[string, string]> {
  if (await exists(folder, 'pnpm-lock.yaml')) return ['pnpm', 'pnpm install --frozen-lockfile']
  if (await exists(folder, 'yarn.lock')) return ['yarn', 'yarn install --immutable']
  if ((await exists(folder, 'bun.lock')) || (await exists(folder, 'bun.lockb')))
    return ['bun', 'bun install --frozen-lockfile']
  if (await exists(folder, 'package-lock.json')) return ['npm', 'npm ci']
  return ['npm', 'npm install']
}

async function fromCargo(folder: string, found: Found): Promise<void> {
  if (!(await exists(folder, 'Cargo.toml'))) return
  found.checks.push(
    { name: 'build', run: 'cargo build --quiet' },
    { name: 'tests', run: 'cargo test --quiet' },
  )
  found.notes.push('Cargo.toml: cargo build and cargo test.')
}

async function fromGo(folder: string, found: Found): Promise<void> {
  if (!(await exists(folder, 'go.mod'))) return
  found.checks.push({ name: 'vet', run: 'go vet ./...' }, { name: 'tests', run: 'go test ./...' })
  found.notes.push('go.mod: go vet and go test.')
}

async function fromPython(folder: string, found: Found): Promise<void> {
  const project = await text(folder, 'pyproject.toml')
  const requirements = await exists(folder, 'requirements.txt')
  if (project === null && !requirements) return
  if (project && /^\[tool\.ruff/m.test(project)) found.checks.push({ name: 'lint', run: 'ruff check .' })
  if (project && /^\[tool\.mypy/m.test(project)) found.checks.push({ name: 'types', run: 'mypy .' })
  const uv = await exists(folder, 'uv.lock')
  const pytest =
    (project !== null && /pytest/.test(project)) ||
    (await exists(folder, 'pytest.ini')) ||
    (await exists(folder, 'conftest.py')) ||
    (await exists(folder, 'tests'))
  if (pytest) found.checks.push({ name: 'tests', run: uv ? 'uv run pytest -q' : 'python -m pytest -q' })
  if (uv) found.afterCreate.push('uv sync')
  found.notes.push(`Python: ${pytest ? 'pytest' : 'no tests recognised'}${uv ? ', with uv' : ''}.`)
}

async function fromMakefile(folder: string, found: Found): Promise<void> {
  const makefile = (await text(folder, 'Makefile')) ?? (await text(folder, 'makefile'))
  if (makefile === null) return
  const targets = new Set(
    [...makefile.matchAll(/^([A-Za-z0-9_.-]+(?:[ \t]+[A-Za-z0-9_.-]+)*)[ \t]*::?(?!=)/gm)].flatMap(
      (match) => match[1]?.split(/\s+/) ?? [],
    ),
  )
  for (const [target, name] of TARGETS) {
    if (!targets.has(target) || found.checks.some((check) => check.name === name)) continue
    found.checks.push({ name, run: `make ${target}` })
    found.notes.push(`Makefile: the target ${target}.`)
  }
}

function render(found: Found): string {
  const quoted = (value: string) => JSON.stringify(value)
  const lines = [
    '---',
    '# What every attempt gets and must pass. Quartet asks you before it runs any of these.',
  ]
  if (found.afterCreate.length > 0)
    lines.push('hooks:', '  after_create: |', ...found.afterCreate.map((run) => `    ${run}`))
  if (found.copy.length > 0) lines.push('files:', `  copy: [${found.copy.map(quoted).join(', ')}]`)
  lines.push('attempts:', '  count: 4')
  if (found.checks.length > 0) {
    lines.push('verify:')
    for (const check of found.checks)
      lines.push(`  - name: ${quoted(check.name)}`, `    run: ${quoted(check.run)}`, '    timeout_ms: 600000')
  } else {
    lines.push('verify: []')
  }
  lines.push('land:', '  method: squash', '---', '')
  lines.push(
    '{{ issue.description }}',
    '',
    'Work in this folder only. Keep the change as small as the task allows, add or adapt tests, run them, and commit your',
    'work with a message that says why.',
    '',
  )
  return lines.join('\n')
}

async function exists(folder: string, name: string): Promise<boolean> {
  return access(join(folder, name)).then(
    () => true,
    () => false,
  )
}

async function text(folder: string, name: string): Promise<string | null> {
  return readFile(join(folder, name), 'utf8').catch(() => null)
}

async function json(folder: string, name: string): Promise<Record<string, unknown> | null> {
  const content = await text(folder, name)
  if (content === null) return null
  try {
    const value: unknown = JSON.parse(content)
    return recordOf(value)
  } catch {
    // A manifest that its own tool could not read says nothing.
    return null
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}
