import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createGit, type Git } from '../../src/main/core/git/git.ts'
import { silentLogger } from '../../src/main/kernel/logger.ts'
import { makeBigRepo, plainGitEnv } from '../lib/big-repo.ts'
import { exec, interleave } from '../lib/measure.ts'
import { sum } from '../lib/stats.ts'
import { atMost, type Bench, type Context } from '../lib/types.ts'
import { OurTerminals } from '../subjects/terminals.ts'

interface Setup {
  context: Context
  git: Git
  terminals: OurTerminals
  repo: string
  base: string
  files: number
  root: string
}

/** Worktree, files, and a program's first byte; gives ms from the call to each of them. */
async function oursOnce(setup: Setup, count: number, round: number) {
  const { git, terminals, repo, base, root } = setup
  const begin = performance.now()
  const names = Array.from({ length: count }, (_, i) => `ours-${count}-${round}-${i}`)
  const ready = await Promise.all(
    names.map(async (name) => {
      const path = join(root, name)
      await git.addWorktree({ repo, path, branch: `quartet/${name}`, baseSha: base, attemptId: name })
      await git.checkoutWorktree({ repo, path })
      await firstByte(terminals, path)
      return performance.now() - begin
    }),
  )
  await proveWorktrees(setup, names)
  const removals: number[] = []
  for (const name of names) {
    const at = performance.now()
    await git.removeWorktree({ root, repo, path: join(root, name), attemptId: name })
    removals.push(performance.now() - at)
  }
  // The product unlinks slowly, in the background; nothing is measured beside it here.
  await exec('rm', ['-rf', join(root, '.trash')])
  setup.context.say(`ours ×${count}: ${(Math.max(...ready) / 1_000).toFixed(1)} s`)
  return { wall: Math.max(...ready), first: Math.min(...ready), removals }
}

async function firstByte(terminals: OurTerminals, cwd: string): Promise<void> {
  const { id } = await terminals.run('/bin/echo', ['here'], { cwd })
  const exit = await terminals.ended(id)
  if (exit.offset === 0) throw new Error('no first byte')
}

async function bareOnce(setup: Setup, count: number, round: number) {
  const { context, repo, base, root } = setup
  const env = plainGitEnv(context.dir)
  const adds: number[] = []
  const names = Array.from({ length: count }, (_, i) => `bare-${count}-${round}-${i}`)
  for (const name of names) {
    const at = performance.now()
    await exec('git', ['-C', repo, 'worktree', 'add', '-q', '-b', name, join(root, name), base], { env })
    adds.push(performance.now() - at)
  }
  await proveWorktrees(setup, names)
  const removals: number[] = []
  for (const [i, name] of names.entries()) {
    const at = performance.now()
    // Two are enough to time it; the rest goes the quick way.
    if (i < 2) {
      await exec('git', ['-C', repo, 'worktree', 'remove', '--force', join(root, name)], { env })
      removals.push(performance.now() - at)
    } else await exec('rm', ['-rf', join(root, name)])
  }
  await exec('git', ['-C', repo, 'worktree', 'prune'], { env })
  context.say(`bare ×${count}: ${(sum(adds) / 1_000).toFixed(1)} s`)
  return { wall: sum(adds), one: adds[0]!, removals }
}

/** First and last of them hold every file, unchanged, at the right commit. */
async function proveWorktrees(
  { context, root, base, files }: Setup,
  names: readonly string[],
): Promise<void> {
  const env = plainGitEnv(context.dir)
  for (const name of new Set([names[0]!, names.at(-1)!])) {
    const at = join(root, name)
    const [head, status, tree] = await Promise.all([
      exec('git', ['-C', at, 'rev-parse', 'HEAD'], { env }),
      exec('git', ['-C', at, 'status', '--porcelain'], { env }),
      readdir(at, { recursive: true, withFileTypes: true }),
    ])
    const found = tree.filter((entry) => entry.isFile() && entry.name.endsWith('.ts')).length
    if (head.trim() !== base || status !== '' || found !== files)
      throw new Error(`${name}: ${found} of ${files} files, head ${head.trim()}, ${status.slice(0, 200)}`)
  }
}

async function compare(setup: Setup, count: number, stopAt: number): Promise<void> {
  const { context, files } = setup
  const { reference, subject } = await interleave(
    context.rounds,
    (round) => bareOnce(setup, count, round),
    (round) => oursOnce(setup, count, round),
    () => Date.now() < stopAt,
  )
  const rounds = subject.length
  const shared = {
    goal: 'P2b',
    unit: 's',
    reference: `bare git: ${count} × worktree add, one after the other`,
    subject: 'registered one at a time, checked out in parallel, program started',
    absolute: null,
    proof: `${files} files, clean status and head in the first and last worktree of each of ${rounds} rounds`,
    ...(rounds < context.rounds
      ? { note: `Only ${rounds} of ${context.rounds} rounds: the time was up.` }
      : {}),
  } as const
  const seconds = (values: readonly number[]) => values.map((ms) => ms / 1_000)
  context.add({
    ...shared,
    what: `${count} worktrees of ${files} files and a first byte in each: until the last is ready`,
    referenceSamples: seconds(reference.map((one) => one.wall)),
    subjectSamples: seconds(subject.map((one) => one.wall)),
    ratio: atMost(0.65),
  })
  context.add({
    ...shared,
    reference: 'bare git: one worktree add',
    what: `${count} worktrees of ${files} files: until the first is ready`,
    referenceSamples: seconds(reference.map((one) => one.one)),
    subjectSamples: seconds(subject.map((one) => one.first)),
    ratio: atMost(1.3),
    ifMissed:
      'Besides its checkout it waits for three things that the reference has none of: the configuration is read (so that no program of the repository runs), its worktree is registered by a git of its own, and the other worktrees are registered meanwhile.',
  })
  context.add({
    goal: 'P12',
    what: `A worktree of ${files} files is gone from sight`,
    unit: 'ms',
    reference: 'git worktree remove --force',
    subject: 'removeWorktree (a rename; unlinked later)',
    referenceSamples: reference.flatMap((one) => one.removals),
    subjectSamples: subject.flatMap((one) => one.removals),
    ratio: null,
    absolute: atMost(20),
    proof: 'path and registration are gone; the trash was emptied afterwards',
  })
}

/** Many creations at once, sixteen under way at a time, on a small repository: none may fail. */
async function stress(context: Context, git: Git): Promise<void> {
  const count = context.small ? 32 : context.full ? 1_000 : 160
  const { repo, base } = await makeBigRepo(context.dir, 12)
  const root = join(context.dir, 'many')
  await mkdir(root)
  let next = 0
  let failed = 0
  const begin = performance.now()
  const work = async () => {
    for (let i = next++; i < count; i = next++) {
      const path = join(root, `w${i}`)
      try {
        await git.addWorktree({ repo, path, branch: `quartet/w${i}`, baseSha: base, attemptId: `w${i}` })
        await git.checkoutWorktree({ repo, path })
      } catch (error) {
        failed++
        context.say(`creation ${i} failed: ${String(error)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: 16 }, work))
  const listed = (await git.listWorktrees(repo)).length - 1
  const files = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.ts')).length
  if (listed + failed < count) failed = count - listed
  context.add({
    goal: 'P2b',
    what: `Failures of ${count} creations, 16 at a time`,
    unit: 'count',
    reference: '–',
    subject: 'addWorktree + checkoutWorktree',
    referenceSamples: [],
    subjectSamples: [failed],
    ratio: null,
    absolute: atMost(0),
    proof: `git lists ${listed} worktrees with ${files} files, made in ${((performance.now() - begin) / 1_000).toFixed(1)} s`,
    ...(count < 1_000 ? { note: `${count} of them by default; --full makes 1,000.` } : {}),
  })
}

/** Worktrees of a large repository, and how fast they leave. */
export const worktrees: Bench = {
  name: 'worktrees',
  goals: ['P2b', 'P12'],
  deadline: [480, 1_800],
  async run(context) {
    const git = createGit({ log: silentLogger, env: plainGitEnv(context.dir) })
    context.defer(() => git.dispose())
    const terminals = await OurTerminals.start(context, 'worktrees')
    const root = join(context.dir, 'trees')
    await mkdir(root)
    const sizes: [number, number][] = context.small
      ? [[4, 500]]
      : context.full
        ? [
            [4, 50_000],
            [16, 50_000],
          ]
        : [
            [4, 50_000],
            [16, 6_000],
          ]
    await stress(context, git)
    for (const [i, [count, files]] of sizes.entries()) {
      const { repo, base } = await makeBigRepo(context.dir, files)
      // Of the time that is left, each comparison may begin rounds in its share.
      const share = ((context.endsAt - Date.now()) / (sizes.length - i)) * 0.7
      await compare({ context, git, terminals, repo, base, files, root }, count, Date.now() + share)
    }
  },
}
