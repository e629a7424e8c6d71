import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { attempt, codeOf, fixture, isolatedEnv, ourGit, put, sh } from './fixtures.ts'
import type { Git } from './git.ts'
import { FILTERS, hostile } from './hostile-fixture.ts'
import type { GitRecord } from './runner.ts'

// The canary matrix: every verb of ours runs over a repository that plants a program wherever git would start one
// (hostile-fixture.ts), and none may fire.

type Verb = Exclude<keyof Git, 'dispose'>
/** Verbs that look at files alone. */
const WITHOUT_GIT: readonly Verb[] = [
  'removeWorktree',
  'emptyTrash',
  'repositoryFootprint',
  'verifyWorktree',
  'breakStaleLock',
]

describe('a hostile repository', () => {
  it('is one: plain git fires the canaries', () => {
    const h = hostile()
    const wild = (...args: string[]) => {
      try {
        // A required filter that fails ends git before the other programs have their turn.
        const lenient = FILTERS.flatMap((name) => ['-c', `filter.${name}.required=false`])
        execFileSync('git', [...lenient, ...args], {
          cwd: h.repo,
          env: {
            ...isolatedEnv(h.dir),
            GIT_AUTHOR_NAME: 'x',
            GIT_AUTHOR_EMAIL: 'x',
            GIT_COMMITTER_NAME: 'x',
            GIT_COMMITTER_EMAIL: 'x',
          },
          stdio: 'ignore',
        })
      } catch {
        // The canaries fail on purpose.
      }
    }
    const tree = (content: string) => {
      writeFileSync(join(h.dir, 'content'), content)
      const blob = sh(h.repo, 'hash-object', '-w', '--no-filters', join(h.dir, 'content'))
      writeFileSync(join(h.dir, 'listing'), `100644 blob ${blob}\ta.mrg\n`)
      const made = execFileSync('git', ['mktree'], {
        cwd: h.repo,
        input: readFileSync(join(h.dir, 'listing')),
        encoding: 'utf8',
      }).trim()
      return sh(h.repo, '-c', 'commit.gpgSign=false', 'commit-tree', made, '-p', h.base, '-m', content)
    }
    for (const name of ['side', 'other'])
      writeFileSync(join(h.repo, '.git/refs/heads', name), `${tree(`${name}\n`)}\n`)
    put(
      h.repo,
      Object.fromEntries(
        ['txt', 'dat', 'bin', 'al', 'ed', 'inc', 'mi', 'md', 'mrg'].map((end) => [`a.${end}`, 'two\n']),
      ),
    )
    wild('status')
    // Its broken handshake would end every later command.
    sh(h.repo, 'config', '--unset', 'filter.proc.process')
    wild('diff')
    wild('-c', 'diff.external=', 'diff', '--no-ext-diff')
    for (const file of readdirSync(h.repo).filter((name) => name.startsWith('a.'))) wild('add', file)
    wild('-c', 'commit.gpgSign=false', 'commit', '-m', 'x')
    wild('-c', 'core.hooksPath=/dev/null', 'commit', '-m', 'x')
    wild('-c', 'core.hooksPath=/dev/null', 'merge-tree', '--write-tree', 'side', 'other')
    wild('fetch', 'origin')
    rmSync(join(h.repo, 'sub'), { recursive: true, force: true })
    cpSync(h.sub, join(h.repo, 'sub'), { recursive: true })
    wild('status')
    expect(h.fired()).toEqual(
      expect.arrayContaining([
        'worktree fsmonitor',
        'diff.external',
        'diff.textconv',
        'filter evil clean',
        'filter lfs clean',
        'filter alias clean',
        'filter core.editor clean',
        'filter included',
        'filter Mixed clean',
        'filter.process',
        'hook post-index-change',
        'hook pre-commit',
        'gpg.program',
        'merge.driver',
        'submodule filter',
        'submodule fsmonitor',
      ]),
    )
  })

  it('runs none of its programs through any verb of ours', { timeout: 240_000 }, async () => {
    const h = hostile()
    const records: GitRecord[] = []
    const git = ourGit(h.dir, { onCall: (record) => records.push(record) })
    const { repo, root, base } = h
    const path = join(root, 'w')
    const at = { repo, path }
    const branch = 'quartet/w'
    const ends = ['txt', 'dat', 'bin', 'al', 'ed', 'inc', 'wt', 'mi', 'md', 'mrg']
    const edit = (folder: string, text: string) =>
      put(
        folder,
        Object.fromEntries(
          ends.flatMap((end) => [
            [`a.${end}`, `${text}\n`],
            [`new-${text}.${end}`, 'new\n'],
          ]),
        ),
      )
    const plantSubmodule = () => {
      rmSync(join(path, 'sub'), { recursive: true, force: true })
      cpSync(h.sub, join(path, 'sub'), { recursive: true })
    }
    let head = base
    let late = base
    const url = join(h.dir, 'origin.git')
    const land = (method: 'squash' | 'merge' | 'rebase', expectedBaseSha: string) =>
      git.landLocal({
        repo,
        baseBranch: 'main',
        expectedBaseSha,
        headSha: head,
        method,
        message: 'Land',
        attemptId: `att_${method}`,
      })
    const tried: Record<Verb, () => Promise<unknown>> = {
      version: () => git.version(),
      inspectRepository: () => git.inspectRepository({ path: repo }),
      shutConfig: async () => expect(await git.shutConfig(repo)).not.toEqual([]),
      initRepository: () =>
        git.initRepository({
          path: join(repo, 'fresh'),
          branch: 'main',
          files: { 'a.txt': 'x' },
          message: 'x',
        }),
      // A plain word is judged without git.
      isValidBranchName: () => git.isValidBranchName(repo, `${branch}.x`),
      repositoryFootprint: () => git.repositoryFootprint(repo, 'main'),
      resolveBase: () => git.resolveBase(repo, 'main'),
      resolveRef: () => git.resolveRef(repo, 'refs/heads/main'),
      commitSubject: () => git.commitSubject(repo, base),
      keepCommit: () => git.keepCommit({ repo, attemptId: 'w', kind: 'heads', sha: base }),
      listIgnored: () => git.listIgnored({ repo, globs: ['*.txt', '-x', '**'] }),
      resolveCommit: () => git.resolveCommit(repo, 'main~0'),
      listBranches: () => git.listBranches(repo),
      addWorktree: () => git.addWorktree({ ...at, branch, baseSha: base, attemptId: 'w' }),
      checkoutWorktree: async () => {
        // The attacker configures this very worktree too.
        const { adminDir } = await git.verifyWorktree(at)
        copyFileSync(join(repo, '.git/config.worktree'), join(adminDir, 'config.worktree'))
        await git.checkoutWorktree(at)
        for (const end of ends) expect(readFileSync(join(path, `a.${end}`), 'utf8')).toContain('one')
        edit(path, 'agent')
        plantSubmodule()
      },
      listWorktrees: () => git.listWorktrees(repo),
      verifyWorktree: () => git.verifyWorktree(at),
      readHead: () => git.readHead(at),
      readStatus: async () => {
        expect((await git.readStatus(at)).unstaged).toBe(ends.length)
        await git.readStatus({ repo, path: repo })
      },
      diffStat: () => git.diffStat({ ...at, baseSha: base }),
      captureTree: () => git.captureTree(at),
      snapshot: () => git.snapshot({ ...at, attemptId: 'w', branch }),
      listSnapshots: () => git.listSnapshots(repo),
      commitAll: async () => {
        head = (await git.commitAll({ ...at, message: 'leftovers' })).headSha ?? ''
        expect(head).not.toBe(base)
      },
      fetchSubmodules: async () => {
        expect(await git.fetchSubmodules(at)).toEqual({ fetched: [] })
        rmSync(join(path, 'sub'), { recursive: true })
        expect(await codeOf(git.fetchSubmodules(at))).toBe('git_failed')
      },
      diffStatBetween: () => git.diffStatBetween({ repo, from: base, to: head }),
      diffPatch: () => git.diffPatch({ repo, from: base, to: head }),
      logBetween: () => git.logBetween({ repo, from: base, to: head }),
      readFileAt: () => git.readFileAt({ repo, sha: head, path: 'a.txt' }),
      mergeBase: () => git.mergeBase({ repo, a: base, b: head }),
      isAncestor: () => git.isAncestor({ repo, ancestor: base, descendant: head }),
      mergeTree: async () => {
        // Both sides changed the file with the merge driver: a real conflict, found by git's own merge.
        const other = join(root, 'other')
        await git.addWorktree({
          repo,
          path: other,
          branch: 'quartet/other',
          baseSha: base,
          attemptId: 'other',
        })
        await git.checkoutWorktree({ repo, path: other })
        put(other, { 'a.mrg': 'other\n' })
        const { headSha } = await git.commitAll({ repo, path: other, message: 'other' })
        expect(await git.mergeTree({ repo, base: headSha ?? '', head })).toEqual({
          clean: false,
          files: ['a.mrg'],
        })
      },
      landLocal: async () => {
        rmSync(join(repo, 'sub'), { recursive: true, force: true })
        cpSync(h.sub, join(repo, 'sub'), { recursive: true })
        rmSync(join(repo, 'fresh'), { recursive: true })
        for (const method of ['squash', 'merge', 'rebase'] as const) {
          const now = await git.resolveBase(repo, 'main')
          expect([method, await codeOf(land(method, now))]).toEqual([
            method,
            method === 'squash' ? 'none' : 'nothing_to_land',
          ])
        }
        expect(readFileSync(join(repo, 'a.txt'), 'utf8')).toBe('agent\n')
        await git.checkoutWorktree({ repo, path: join(root, 'other') })
        const third = join(root, 'third')
        for (const method of ['merge', 'rebase'] as const) {
          const now = await git.resolveBase(repo, 'main')
          await git.addWorktree({
            repo,
            path: `${third}-${method}`,
            branch: `quartet/${method}`,
            baseSha: base,
            attemptId: method,
          })
          await git.checkoutWorktree({ repo, path: `${third}-${method}` })
          put(`${third}-${method}`, { [`${method}.txt`]: 'x\n' })
          head = (await git.commitAll({ repo, path: `${third}-${method}`, message: method })).headSha ?? ''
          expect([method, await codeOf(land(method, now))]).toEqual([method, 'none'])
        }
      },
      integrateBase: async () => {
        const place = { repo, path: join(root, 'late') }
        await git.addWorktree({ ...place, branch: 'quartet/late', baseSha: base, attemptId: 'late' })
        await git.checkoutWorktree(place)
        put(place.path, { 'late.txt': 'x\n' })
        late = (await git.commitAll({ ...place, message: 'late' })).headSha ?? ''
        const merged = await git.integrateBase({
          ...place,
          branch: 'quartet/late',
          headSha: late,
          baseSha: await git.resolveBase(repo, 'main'),
          message: 'Merge',
        })
        expect(merged.state).toBe('merged')
      },
      sameChange: async () => {
        const main = await git.resolveBase(repo, 'main')
        expect(await git.sameChange({ repo, base: main, before: late, after: head })).toBe(false)
      },
      bringsNothing: () => git.bringsNothing({ repo, base: late, head: base }),
      aheadBehind: () => git.aheadBehind({ repo, base, head: late }),
      pushBranch: async () => {
        sh(h.dir, 'init', '-q', '--bare', 'origin.git')
        await git.pushBranch({ repo, url, branch: 'topic', sha: base, expected: null })
        await git.pushBranch({ repo, url, branch: 'topic', sha: late, expected: base })
      },
      remoteHead: async () => expect(await git.remoteHead({ repo, url, branch: 'topic' })).toBe(late),
      fetchBranch: async () => expect(await git.fetchBranch({ repo, url, branch: 'topic' })).toBe(late),
      deleteRemoteBranch: () => git.deleteRemoteBranch({ repo, url, branch: 'topic', expected: late }),
      fastForward: async () => {
        sh(repo, '-c', 'core.hooksPath=/dev/null', 'update-ref', 'refs/heads/follower', base)
        expect(await git.fastForward({ repo, branch: 'follower', to: late })).toBe('moved')
      },
      breakStaleLock: () => git.breakStaleLock({ ...at, lockFile: join(repo, '.git/index.lock') }),
      removeWorktree: () => git.removeWorktree({ root, ...at, attemptId: 'w' }),
      restoreSnapshot: async () => {
        sh(repo, '-c', 'core.hooksPath=/dev/null', 'update-ref', `refs/heads/${branch}`, base)
        await git.restoreSnapshot({ repo, path, attemptId: 'w' })
        expect(readFileSync(join(path, 'new-agent.txt'), 'utf8')).toBe('new\n')
      },
      emptyTrash: () => git.emptyTrash({ root }),
      deleteBranch: async () => {
        await git.removeWorktree({ root, repo, path, attemptId: 'w' })
        await git.deleteBranch({ repo, branch, expectedSha: base })
      },
    }
    const verbs = Object.keys(git).filter((name) => name !== 'dispose')
    expect(Object.keys(tried).sort()).toEqual(verbs.sort())
    for (const [verb, run] of Object.entries(tried)) {
      const before = records.length
      await run()
      expect([verb, h.fired()]).toEqual([verb, []])
      if (!WITHOUT_GIT.some((name) => name === verb))
        expect([verb, records.length > before]).toEqual([verb, true])
      h.clear()
    }

    // Every subcommand that stands in our sources was really run, so none can hide from the matrix.
    const known = new Set(execFileSync('git', ['--list-cmds=main'], { encoding: 'utf8' }).split('\n'))
    const sources = readdirSync(import.meta.dirname).filter(
      (name) => name.endsWith('.ts') && !/test|fixture/.test(name),
    )
    const written = sources
      .flatMap((name) =>
        [...readFileSync(join(import.meta.dirname, name), 'utf8').matchAll(/\[\s*'([a-z][a-z-]+)'/g)].map(
          (m) => m[1] ?? '',
        ),
      )
      // Parts of a filter, and the name of an operation: git has subcommands of these names that we never run.
      .filter((word) => known.has(word) && !['clean', 'merge'].includes(word))
    const run = new Set(records.map((record) => record.args.find((arg) => !arg.startsWith('-'))))
    expect([...new Set(written)].filter((word) => !run.has(word))).toEqual([])

    for (const { args, env } of records) {
      const config = new Map(
        Array.from({ length: Number(env.GIT_CONFIG_COUNT) }, (_, i) => [
          env[`GIT_CONFIG_KEY_${i}`],
          env[`GIT_CONFIG_VALUE_${i}`],
        ]),
      )
      expect([args, config.get('core.fsmonitor'), config.get('core.hooksPath')]).toEqual([
        args,
        'false',
        '/dev/null',
      ])
      expect(env.GIT_TERMINAL_PROMPT).toBe('0')
    }
  })

  it('lets the user’s own drivers, real LFS and consented programs work', async () => {
    const f = fixture(
      {},
      {
        '.gitattributes': '*.up filter=upper\n*.big filter=lfs\n*.mine filter=local\n',
        'a.up': 'x\n',
        'a.big': 'x\n',
        'a.mine': 'x\n',
      },
    )
    const tools = join(f.dir, 'tools')
    mkdirSync(tools)
    writeFileSync(join(tools, 'git-lfs'), `#!/bin/sh\ntouch '${f.dir}/lfs ran'\ncat\n`)
    chmodSync(join(tools, 'git-lfs'), 0o755)
    appendFileSync(join(f.dir, '.gitconfig'), '[filter "upper"]\n\tclean = cat\n\tsmudge = tr a-z A-Z\n')
    sh(f.repo, 'config', 'filter.lfs.smudge', 'git-lfs smudge -- %f')
    sh(f.repo, 'config', 'filter.lfs.clean', 'git-lfs clean -- %f')
    sh(f.repo, 'config', 'filter.lfs.required', 'true')
    sh(f.repo, 'config', 'filter.upper.smudge', 'echo hijacked')
    sh(f.repo, 'config', 'filter.local.smudge', 'sed s/x/consented/')
    const env = { ...isolatedEnv(f.dir), PATH: `${tools}:${process.env.PATH}` }
    const make = async (git: Git, id: string) => {
      const path = join(f.root, id)
      await git.addWorktree({ repo: f.repo, path, branch: `quartet/${id}`, baseSha: f.base, attemptId: id })
      await git.checkoutWorktree({ repo: f.repo, path })
      return (name: string) => readFileSync(join(path, name), 'utf8')
    }
    const plain = await make(ourGit(f.dir, { env }), 'plain')
    expect(plain('a.up')).toBe('X\n')
    expect(plain('a.mine')).toBe('x\n')
    expect(existsSync(join(f.dir, 'lfs ran'))).toBe(true)
    const allowing = ourGit(f.dir, {
      env,
      allowConfig: (repo, entry) => repo.startsWith(f.dir) && entry.value === 'sed s/x/consented/',
    })
    expect((await make(allowing, 'allowed'))('a.mine')).toBe('consented\n')
    expect((await allowing.inspectRepository({ path: f.repo })).shutConfig).toEqual(['filter.upper.smudge'])
  })

  it('sees what one worktree is configured to run, though all the others are alike', async () => {
    const f = fixture({}, { '.gitattributes': '*.txt filter=evil\n', 'a.txt': 'one\n' })
    sh(f.repo, 'config', 'extensions.worktreeConfig', 'true')
    const add = async (id: string) => {
      const path = join(f.root, id)
      await f.git.addWorktree({ repo: f.repo, path, branch: `quartet/${id}`, baseSha: f.base, attemptId: id })
      return { repo: f.repo, path }
    }
    const [first, second] = [await add('first'), await add('second')]
    await f.git.checkoutWorktree(first)
    const { adminDir } = await f.git.verifyWorktree(second)
    writeFileSync(
      join(adminDir, 'config.worktree'),
      `[filter "evil"]\n\tsmudge = touch '${f.dir}/fired'; echo evil\n\tclean = touch '${f.dir}/fired'; echo evil\n`,
    )
    await f.git.checkoutWorktree(second)
    expect(readFileSync(join(second.path, 'a.txt'), 'utf8')).toBe('one\n')
    expect((await f.git.readStatus(second)).unstaged).toBe(0)
    expect((await f.git.readStatus(first)).unstaged).toBe(0)
    expect(existsSync(join(f.dir, 'fired'))).toBe(false)
  })

  it('keeps apart what the user wants on some branches alone', async () => {
    const f = fixture({}, { '.gitattributes': '*.up filter=upper\n', 'a.up': 'x\n' })
    sh(f.repo, 'config', 'filter.upper.smudge', 'echo hijacked')
    const only = join(f.dir, 'only here')
    writeFileSync(only, '[filter "upper"]\n\tclean = cat\n\tsmudge = tr a-z A-Z\n')
    appendFileSync(join(f.dir, '.gitconfig'), `[includeIf "onbranch:quartet/b"]\n\tpath = ${only}\n`)
    const text = async (id: string) => readFileSync(join(await attempt(f, id), 'a.up'), 'utf8')
    expect([await text('a'), await text('b'), await text('c')]).toEqual(['x\n', 'X\n', 'x\n'])
  })
})
