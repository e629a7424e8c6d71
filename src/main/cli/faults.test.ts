import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { emptyRepo, smallRepo } from '../../../e2e/fixtures/repo.ts'
import { ROOT, until } from '../../../e2e/fixtures/sandbox.ts'
import type { TaskView } from '../../shared/contract/tasks.ts'
import type { Attempt } from '../../shared/domain/attempt.ts'
import { placesOf } from '../core/data-dir.ts'
import { box, sandboxForEach } from './test-sandbox.ts'

// What goes wrong, as a shell sees it: bin/quartet, the built web host, real git, real processes.

sandboxForEach({ testTimeout: 240_000 })

interface Fired {
  task: TaskView
  attempts: Attempt[]
}

describe('faults', () => {
  it('finds agents at work again after the core was killed', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const fired: Fired = await box.json(
      'fire',
      ...['--repo', repo.path, '--brief', 'Wait for me', '--agent', 'shell', '--attempts', '2'],
      ...[
        '--command',
        'while [ ! -e go ]; do sleep 0.1; done; echo $$ > pid.txt; git add -A; git commit -qm done',
      ],
    )
    await until('both work', async () => {
      const now: Attempt[] = await box.json('ls', 'attempts', '--task', fired.task.id)
      return now.every(({ status }) => status === 'running')
    })
    const { pid } = JSON.parse(await readFile(placesOf(box.dataDir).lockPath, 'utf8'))
    process.kill(pid, 'SIGKILL')
    for (const attempt of fired.attempts) await writeFile(join(attempt.worktree, 'go'), '')
    await until('both are ready in a new core', async () => {
      const now: Attempt[] = await box.json('ls', 'attempts', '--task', fired.task.id)
      return now.every(({ status }) => status === 'ready')
    })
    const lock = JSON.parse(await readFile(placesOf(box.dataDir).lockPath, 'utf8'))
    expect(lock.pid).not.toBe(pid)
    for (const attempt of fired.attempts)
      expect(await repo.git('log', '-1', '--format=%s', attempt.branch)).toBe('done')
  })

  it('starts one core for commands that come at once', async () => {
    const infos = await Promise.all(Array.from({ length: 4 }, () => box.json('repo', 'ls')))
    expect(infos).toEqual([[], [], [], []])
    const lock = JSON.parse(await readFile(placesOf(box.dataDir).lockPath, 'utf8'))
    await until('one core is left', async () => {
      const cores = (await box.processes()).filter(({ command }) => command.includes('web.js'))
      return cores.length === 1 && cores[0]?.pid === lock.pid
    })
  })

  it('says where it runs when it is served twice, and that a port is taken', async () => {
    const serve = spawn(join(ROOT, 'bin', 'quartet'), ['serve', '--json'], {
      cwd: box.root,
      env: box.env(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = await once(serve.stdout, 'data')
    const first = JSON.parse(String(line))
    expect(first.dataDir).toBe(box.dataDir)
    expect(await box.json('serve')).toEqual(first)

    const squatter = createServer().listen(0, '127.0.0.1')
    await once(squatter, 'listening')
    const address = squatter.address()
    const port = typeof address === 'object' && address ? address.port : 0
    const taken = await box.cli(
      'serve',
      '--port',
      String(port),
      '--data-dir',
      join(box.root, 'second'),
      '--json',
    )
    expect(taken.code).toBe(1)
    expect(JSON.parse(taken.stdout).error).toMatchObject({
      code: 'port_in_use',
      message: expect.stringContaining(String(port)),
    })
    squatter.close()

    serve.kill('SIGTERM')
    const [code] = await once(serve, 'exit')
    expect(code).toBe(0)
  })

  it('refuses a wrong token, and never shows the right one to a stranger on the port', async () => {
    await box.json('repo', 'ls')
    const { tokenPath } = placesOf(box.dataDir)
    const token = await readFile(tokenPath, 'utf8')
    await writeFile(tokenPath, `${'x'.repeat(43)}\n`)
    const { code, stdout } = await box.cli('repo', 'ls', '--json')
    expect(code).toBe(1)
    expect(['unauthorized', 'core_unreachable']).toContain(JSON.parse(stdout).error.code)
    await writeFile(tokenPath, token)
  })

  it('opens no damaged database, and keeps it', async () => {
    await box.json('repo', 'ls')
    await box.shutdown()
    const { db } = placesOf(box.dataDir)
    const file = join(db, 'quartet.db')
    const whole = await readFile(file)
    await writeFile(file, Buffer.concat([Buffer.from('this is no database'), whole.subarray(19)]))
    const { code, stdout } = await box.cli('repo', 'ls', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(stdout).error.code).toBe('database_corrupt')
    expect((await readFile(file)).subarray(0, 19).toString()).toBe('this is no database')
  })
})

describe('repositories in a strange state', () => {
  it('lands on a branch whose name needs escaping', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const name = "fix/'quoted' $(id) ü+100%;x"
    // Blanks are the one thing that git itself refuses in such a name.
    const branch = name.replaceAll(' ', '-')
    await repo.git('branch', branch)
    const fired: Fired = await box.json(
      'fire',
      ...['--repo', repo.path, '--brief', 'Add a greeting', '--agent', 'rehearsal', '--attempts', '1'],
      ...['--scenario', 'good', '--base', branch, '--wait', 'ready'],
    )
    expect(fired.task.baseBranch).toBe(branch)
    await box.json('verdict', fired.attempts[0]?.id ?? '', 'mergeable', '--wait', 'landed')
    expect(await repo.git('rev-parse', `refs/heads/${branch}^`)).toBe(await repo.git('rev-parse', 'main'))
    expect(await repo.git('status', '--porcelain')).toBe('')
  })

  it('waits for a lock that somebody left behind, and never breaks it', async () => {
    const repo = await smallRepo(join(box.repos, 'small'), box.home)
    const lock = join(repo.path, '.git', 'index.lock')
    await writeFile(lock, '')
    const fired: Fired = await box.json(
      'fire',
      ...['--repo', repo.path, '--brief', 'Add a greeting', '--agent', 'rehearsal', '--attempts', '1'],
      ...['--scenario', 'good', '--wait', 'ready'],
    )
    expect(fired.attempts[0]?.status).toBe('ready')
    await box.json('verdict', fired.attempts[0]?.id ?? '', 'mergeable')
    const waiting: TaskView = await until('the landing says why it waits', async () => {
      const now: TaskView = await box.json('show', fired.task.id)
      return now.reason ? now : null
    })
    expect(waiting.reason).toMatch(/lock/i)
    expect(await readFile(lock, 'utf8')).toBe('')
    expect(await repo.git('rev-parse', 'main')).toBe(fired.task.baseSha)
    await rm(lock)
    expect(await box.json('land', fired.task.id, '--wait', 'landed')).toMatchObject({ status: 'landed' })
    expect(await repo.git('status', '--porcelain')).toBe('')
  })
})

describe('bad input', () => {
  const refused = async (...args: string[]) => {
    const program = await box.cli(...args, '--json')
    expect(program.code).toBe(1)
    const { error } = JSON.parse(program.stdout)
    const human = await box.cli(...args)
    expect(human).toMatchObject({ code: 1, stdout: '' })
    expect(human.stderr.trim().split('\n')).toHaveLength(1)
    expect(human.stderr).toContain(error.message)
    return error
  }

  it('says why a repository cannot be added', async () => {
    const plain = join(box.repos, 'plain folder')
    await mkdir(plain)
    expect(await refused('repo', 'add', plain)).toMatchObject({ code: 'not_a_repository' })
    expect(await refused('repo', 'add', join(box.repos, 'nowhere'))).toMatchObject({
      code: 'not_a_repository',
    })

    const empty = await emptyRepo(join(box.repos, 'empty'), box.home)
    expect((await refused('repo', 'add', empty.path)).code).toMatch(/^(no_commits|unborn_branch)$/)

    const small = await smallRepo(join(box.repos, 'small'), box.home)
    await small.git('clone', '-q', '--bare', small.path, join(box.repos, 'bare.git'))
    expect(await refused('repo', 'add', join(box.repos, 'bare.git'))).toMatchObject({
      code: 'bare_repository',
    })

    await small.git('worktree', 'add', '-q', join(box.repos, 'linked'), '-b', 'other')
    expect(await refused('repo', 'add', join(box.repos, 'linked'))).toMatchObject({ code: 'linked_worktree' })

    expect(await refused('repo', 'add', small.path, '--base', 'no/such')).toMatchObject({
      code: 'base_missing',
    })
    await box.json('repo', 'add', small.path)
    expect(await refused('repo', 'add', small.path)).toMatchObject({ code: 'already_added' })
  })

  it('says what is wrong with a call, an id and an agent', async () => {
    const small = await smallRepo(join(box.repos, 'small'), box.home)
    const nine = await box.cli(
      'fire',
      '--repo',
      small.path,
      '--brief',
      'x',
      '--agent',
      'rehearsal',
      '--attempts',
      '9',
      '--json',
    )
    expect(nine.code).toBe(2)
    expect(JSON.parse(nine.stdout).error.message).toContain('from 1 to 8')
    const fireWith = (...more: string[]) => refused('fire', '--repo', small.path, '--attempts', '1', ...more)
    expect(await fireWith('--brief', '   ', '--agent', 'rehearsal')).toMatchObject({
      message: expect.stringContaining('empty'),
    })
    expect((await fireWith('--brief', 'x', '--agent', 'no-such-agent')).message).toContain('no-such-agent')
    expect((await fireWith('--brief', 'x', '--agent', 'rehearsal', '--scenario', 'opera')).message).toContain(
      'opera',
    )
    expect(await fireWith('--brief', 'x', '--agent', 'rehearsal', '--base', 'gone')).toMatchObject({
      code: 'base_missing',
    })
    expect((await fireWith('--brief-file', 'missing.md', '--agent', 'rehearsal')).message).toContain(
      'missing.md',
    )
    expect(await refused('fire', '--repo', 'nobody', '--brief', 'x', '--agent', 'rehearsal')).toMatchObject({
      code: 'not_found',
    })
    expect(await refused('show', 'att_nothing')).toMatchObject({ code: 'not_found' })
    expect(await refused('log', 'att_nothing')).toMatchObject({ code: 'not_found' })
    // Nothing of all this started anything.
    expect(await box.json('ls', 'tasks', '--all')).toEqual([])
  })
})
