import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../kernel/clock.ts'
import { silentLogger } from '../../../kernel/logger.ts'
import { attempt as addAttempt, agentCommits, fixture, put, sh } from '../../git/fixtures.ts'
import { openLedger, putAttempt, putRepository, putTask } from '../../testing/ledger-fixture.ts'
import { dependencyChanges, lockChanges } from './dependencies.ts'
import { EvidenceCollector } from './evidence-collector.ts'
import { kindOf, readAttributes } from './file-kinds.ts'
import { readPatch } from './patch-lines.ts'
import { countTestCases } from './test-cases.ts'

const signal = new AbortController().signal

async function arrange(files: Record<string, string>, history = 0) {
  const git = fixture({}, files)
  for (let i = 0; i < history; i++) agentCommits(git.repo, { 'src/app/log.txt': `${i}\n` }, `step ${i}`)
  const base = sh(git.repo, 'rev-parse', 'HEAD')
  const { dir, ledger } = await openLedger()
  const repository = putRepository(ledger, git.repo)
  const { round } = putTask(ledger, repository.id, { baseSha: base })
  const worktree = await addAttempt(git, 'a1', base)
  const attempt = putAttempt(ledger, round, repository.id, { worktree })
  const collector = new EvidenceCollector({
    ledger,
    git: git.git,
    clock: systemClock,
    log: silentLogger,
    dir: join(dir, 'evidence'),
  })
  return { ...git, ledger, attempt, worktree, collector, dir }
}

describe('the evidence of an attempt', () => {
  it('says what kind of files changed, which tests and dependencies came, and what is unusual', async () => {
    const { worktree, collector, attempt, ledger } = await arrange(
      {
        'package.json': JSON.stringify({ dependencies: { a: '1.0.0', gone: '1' } }),
        'package-lock.json': JSON.stringify({ packages: { '': {}, 'node_modules/a': { version: '1.0.0' } } }),
        '.gitattributes': 'schema/** linguist-generated\n',
        'src/app/main.js': 'one\n',
      },
      12,
    )
    ledger.commit((tx) =>
      tx.fact({ kind: 'attempt.claimed', attemptId: attempt.id, body: { text: 'All tests pass.' } }),
    )
    const head = agentCommits(worktree, {
      'package.json': JSON.stringify({ dependencies: { a: '1.1.0' }, devDependencies: { b: '^2' } }),
      'package-lock.json': JSON.stringify({
        packages: { '': {}, 'node_modules/a': { version: '1.1.0' }, 'node_modules/b': { version: '2.0.0' } },
      }),
      'src/app/main.js': 'one\ntwo\n',
      'src/app/main.test.js':
        "import { it } from 'node:test'\nit('adds', () => {})\ntest.each([1])('x', () => {})\n",
      'schema/api.js': 'x\n',
      'README.md': '# Hi\n',
      '.github/workflows/ci.yml': 'on: push\n',
      'ops/deep/tool.js': 'x\n',
    })
    const evidence = await collector.collect(attempt, head, 'agent', signal)
    expect(evidence).toMatchObject({
      headSha: head,
      claim: 'All tests pass.',
      committedBy: 'agent',
      tests: { added: 2, removed: 0 },
      kinds: {
        source: { files: 4 },
        tests: { files: 1, added: 3 },
        docs: { files: 1 },
        generated: { files: 2 },
      },
      dependencies: [
        { manifest: 'package.json', name: 'a', from: '1.0.0', to: '1.1.0' },
        { manifest: 'package.json', name: 'b', from: null, to: '^2' },
        { manifest: 'package.json', name: 'gone', from: '1', to: null },
      ],
      locks: [{ file: 'package-lock.json', added: 1, removed: 0, changed: 1 }],
      secrets: [],
      gaps: [],
    })
    expect(evidence.unusual).toEqual([
      { path: '.github/workflows/ci.yml', why: 'decides what CI runs' },
      { path: 'ops/deep/tool.js', why: 'nothing in ops/deep/ changed in the last 10 commits' },
      { path: 'schema/api.js', why: 'nothing in schema/ changed in the last 10 commits' },
    ])
    // One row per head: asking again replaces it.
    await collector.collect(attempt, head, 'agent', signal)
    expect(ledger.select('evidence')).toHaveLength(1)
  })

  it('does not believe an attempt that calls its own files generated', async () => {
    const { worktree, collector, attempt } = await arrange({ 'a.js': '1\n' })
    const head = agentCommits(worktree, { '.gitattributes': '*.js linguist-generated\n', 'a.js': '2\n' })
    const evidence = await collector.collect(attempt, head, 'agent', signal)
    expect(evidence.files.find((file) => file.path === 'a.js')?.kind).toBe('source')
  })

  it('finds secrets in added lines only, and never keeps them', async () => {
    const old = `ghp_${'a1B2c3D4e5'.repeat(3)}abcdef`
    const fresh = `ghp_${'z9Y8x7W6v5'.repeat(3)}ghijkl`
    const { worktree, collector, attempt, ledger } = await arrange({ 'conf.js': `const t = "${old}"\n\n\n` })
    const head = agentCommits(worktree, { 'conf.js': `const t = "${old}"\n\n\nconst u = "${fresh}"\n` })
    const { secrets } = await collector.collect(attempt, head, 'agent', signal)
    expect(secrets).toMatchObject([{ file: 'conf.js', line: 4, rule: 'github' }])
    expect(JSON.stringify(ledger.select('evidence'))).not.toMatch(/ghp_/)
  })

  it('says what it could not read instead of leaving it out', async () => {
    const { worktree, collector, attempt } = await arrange({ 'package.json': '{}' })
    const head = agentCommits(worktree, { 'package.json': '{ broken' })
    const evidence = await collector.collect(attempt, head, 'quartet', signal)
    expect(evidence.gaps).toEqual([expect.stringMatching(/^package\.json could not be read: /)])
    expect(evidence.committedBy).toBe('quartet')
  })

  it('keeps pictures from the configured places, and nothing that only looks like one', async () => {
    const { worktree, collector, attempt, ledger, dir } = await arrange({ 'a.js': '1\n' })
    const png = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
    put(worktree, {
      'shots/one.png': png,
      'shots/deep/two.PNG': png,
      'shots/fake.png': 'no',
      'other/x.png': png,
    })
    await writeFile(join(dir, 'private.png'), png)
    await symlink(join(dir, 'private.png'), join(worktree, 'shots/link.png'))
    const evidence = await collector.collect(attempt, attempt.baseSha, 'agent', signal)
    await collector.addScreenshots(evidence, worktree, ['shots', '../*.png', '/etc'], signal)
    const { screenshots } = ledger.require('evidence', evidence.id)
    expect(screenshots.map((shot) => shot.path)).toEqual(['shots/deep/two.PNG', 'shots/one.png'])
    expect(await collector.picture(evidence.id, '1.png')).toEqual({
      mime: 'image/png',
      base64: png.toString('base64'),
    })
    await expect(collector.picture(evidence.id, '../../x')).rejects.toMatchObject({ code: 'not_found' })
    expect(await readdir(join(dir, 'evidence', attempt.id))).toHaveLength(1)
  })

  it('is quick on a large diff', async () => {
    const { worktree, collector, attempt } = await arrange({ 'a.js': '1\n' })
    await mkdir(join(worktree, 'src'), { recursive: true })
    const files = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [`src/f${i}.js`, `const value${i} = ${i}\n`.repeat(50)]),
    )
    const head = agentCommits(worktree, files)
    const started = performance.now()
    const evidence = await collector.collect(attempt, head, 'agent', signal)
    expect(evidence.kinds.source).toEqual({ files: 400, added: 20_000, removed: 0 })
    expect(evidence.files).toHaveLength(300)
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

describe('kinds of files', () => {
  it.each([
    ['src/a.ts', 'source'],
    ['src/a.test.ts', 'tests'],
    ['tests/helper.py', 'tests'],
    ['pkg/x_test.go', 'tests'],
    ['docs/guide.html', 'docs'],
    ['CHANGELOG.md', 'docs'],
    ['dist/app.js', 'generated'],
    ['web/app.min.js', 'generated'],
    ['Cargo.lock', 'generated'],
    ['src/latest.ts', 'source'],
    ['src/contest/a.ts', 'source'],
  ])('%s is %s', (path, kind) => {
    expect(kindOf(path)).toBe(kind)
  })

  it('follows attributes by folder, the later line winning', () => {
    const attributes = readAttributes([
      { folder: 'gen', text: 'keep.js -linguist-generated\n' },
      {
        folder: '',
        text: '# all\n/gen/** linguist-generated=true\n*.proto.ts linguist-generated\nnotes/* linguist-documentation\ndist/ok.js linguist-generated=false\n"a b.js" linguist-generated\n',
      },
    ])
    const of = (path: string) => kindOf(path, attributes)
    expect(of('gen/a/b.js')).toBe('generated')
    expect(of('gen/keep.js')).toBe('source')
    expect(of('src/x.proto.ts')).toBe('generated')
    expect(of('notes/a.js')).toBe('docs')
    expect(of('notes/deep/a.js')).toBe('source')
    expect(of('dist/ok.js')).toBe('source')
  })
})

describe('dependencies', () => {
  const names = (path: string, before: string, after: string) =>
    dependencyChanges(path, before, after).map(({ name, from, to }) => `${name} ${from}→${to}`)

  it.each([
    [
      'Cargo.toml',
      '[dependencies]\nserde = "1.0"\n',
      '[dependencies]\nserde = { version = "1.1", features = ["derive"] } # why\n[dev-dependencies.tempfile]\nversion = "3"\n[target.\'cfg(unix)\'.dependencies]\nnix = { git = "https://x" }\n[profile.release]\nlto = "fat"\n',
      ['nix null→https://x', 'serde 1.0→1.1', 'tempfile null→3'],
    ],
    [
      'pyproject.toml',
      '[project]\ndependencies = ["requests>=2"]\n',
      '[project]\nname = "x"\ndependencies = [\n  "requests[socks]>=2.1", # net\n  "Rich",\n]\n[project.optional-dependencies]\ndev = ["pytest"]\n[tool.poetry.dependencies]\npython = "^3"\nhttpx = "^0.2"\n',
      ['httpx null→^0.2', 'pytest null→*', 'requests >=2→>=2.1', 'rich null→*'],
    ],
    [
      'requirements-dev.txt',
      'a==1\n',
      '# x\n-r base.txt\na==2 ; python_version > "3"\nb_c\n',
      ['a ==1→==2', 'b-c null→*'],
    ],
    [
      'go.mod',
      'module x\nrequire a.com/b v1.0.0\n',
      'module x\nrequire (\n\ta.com/b v1.1.0\n\tc.com/d v0.1.0 // indirect\n)\n',
      ['a.com/b v1.0.0→v1.1.0', 'c.com/d null→v0.1.0'],
    ],
  ])('are read from %s', (path, before, after, expected) => {
    expect(names(path, before, after)).toEqual(expected)
  })

  it.each([
    [
      'Cargo.lock',
      '[[package]]\nname = "a"\nversion = "1"\n',
      '[[package]]\nname = "a"\nversion = "2"\n\n[[package]]\nname = "b"\nversion = "1"\n',
      [1, 0, 1],
    ],
    ['yarn.lock', 'a@^1:\n  version "1.0.0"\n', '"@s/b@^1", "@s/b@^1.1":\n  version "1.2.0"\n', [1, 1, 0]],
    [
      'pnpm-lock.yaml',
      'packages:\n\n  a@1.0.0:\n    x: 1\n',
      "packages:\n\n  a@1.0.0:\n    x: 1\n\n  '@s/b@2.0.0(c@1)':\n    x: 1\n",
      [1, 0, 0],
    ],
    ['go.sum', 'a v1.0.0 h1:x\na v1.0.0/go.mod h1:x\n', 'a v1.1.0 h1:x\n', [1, 1, 0]],
  ])('of %s are counted', (path, before, after, [added, removed, changed]) => {
    expect(lockChanges(path, before, after)).toEqual({ file: path, added, removed, changed })
  })
})

it('reads patches with names that git quotes, and counts test cases of several languages', () => {
  const patch = [
    'diff --git "a/src/gr\\303\\274n.py" "b/src/gr\\303\\274n.py"',
    '--- "a/src/gr\\303\\274n.py"',
    '+++ "b/src/gr\\303\\274n.py"',
    '@@ -1,2 +1,3 @@ def x',
    ' keep',
    '-def test_old():',
    '+def test_new():',
    '+async def test_more(a):',
    '\\ No newline at end of file',
    'diff --git a/x.rs b/x.rs',
    'new file mode 100644',
    '--- /dev/null',
    '+++ b/x.rs',
    '@@ -0,0 +1,3 @@',
    '+#[tokio::test]',
    '+--- a/not/a/header',
    '+#[test]',
    'diff --git a/gone.go b/gone.go',
    '--- a/gone.go',
    '+++ /dev/null',
    '@@ -1 +0,0 @@',
    '-func TestX(t *testing.T) {',
    '',
  ].join('\n')
  const files = readPatch(patch)
  expect(files.map((file) => file.path)).toEqual(['src/grün.py', 'x.rs', 'gone.go'])
  expect(files[0]?.lines.map((line) => [line.line, line.added])).toEqual([
    [1, false],
    [2, true],
    [3, true],
  ])
  expect(countTestCases(files)).toEqual({ added: 4, removed: 2 })
})
