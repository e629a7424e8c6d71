import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { agentCommits, sh } from '../git/fixtures.ts'
import { githubOptions, githubWorld } from './testing/github-world.ts'
import { expectGone, landUnderFire, type Mode } from './testing/land-under-fire.ts'
import { log, openWorld } from './testing/world.ts'

const LONG = 600_000
const workflow = (run: string) => `---\nverify:\n  - name: test\n    run: ${JSON.stringify(run)}\n---\n`

/** Those that must have been among them. Unmarked children may have done some of the work before the next process came to it. */
const MOMENTS: Record<Mode, string[]> = {
  entered: 'queued integrate verify push pull checks fixing gate merge confirm cleanup'.split(' '),
  leaving: 'queued integrate verify push pull checks fixing gate merge confirm cleanup'.split(' '),
  within: [
    ...['integrate:fetch', 'integrate:commit-tree', 'integrate:update-ref', 'integrate:read-tree'],
    ...['verify:bash', 'push:push', 'merge:fetch', 'confirm:update-ref', 'confirm:read-tree'],
    ...['cleanup:update-ref', 'cleanup:push', 'POST pulls', 'PATCH pull', 'POST reply', 'PUT merge'],
  ],
  unmarked: ['integrate:update-ref', 'verify:bash', 'push:push', 'confirm:update-ref', 'PUT merge'],
}

const shapeOf = ({ method, path }: { method: string; path: string }): string | null =>
  method === 'GET' || path === '/graphql'
    ? null
    : `${method} ${/(?<=pulls\/\d+\/)merge/.exec(path) ?? (/replies$/.test(path) ? 'reply' : /pulls$/.test(path) ? 'pulls' : 'pull')}`

describe.each<Mode>(['entered', 'leaving', 'within', 'unmarked'])('killed in every phase, %s', (mode) => {
  it('lands once through pull requests', { timeout: LONG }, async () => {
    const { dir, forge, world, bare } = await githubWorld({ workflow: workflow('test -f c.txt') })
    await forge.protect(['ci'])
    const attempt = await world.ready('Add c', { 'c.txt': 'x\n' })
    // The base has moved since: there is something to integrate.
    sh(dir, 'clone', '-q', bare, 'somebody')
    agentCommits(join(dir, 'somebody'), { 'd.txt': 'x\n' }, 'meanwhile')
    sh(join(dir, 'somebody'), 'push', '-q', 'origin', 'HEAD:main')
    world.lane.pause(world.approve(attempt.id, { allowFixes: true }).id)
    const runId = world.runOf(attempt.taskId).id
    await world.close()
    const primed = await openWorld({ ...githubOptions(dir, forge.url), again: true, outsideTests: true })
    primed.ledger.commit((tx) =>
      tx.patch('landRuns', runId, { status: 'active', reason: null, phase: 'queued' }),
    )
    await primed.close()

    const heads: string[] = []
    const killed = await landUnderFire({
      dir,
      url: forge.url,
      mode,
      each: async () => {
        const head = sh(bare, 'for-each-ref', '--format=%(objectname)', 'refs/heads/quartet/')
        if (head === '' || heads.includes(head)) return
        heads.push(head)
        // The remark before the green check: what is green and has no open thread is merged at once.
        if (heads.length === 2) await forge.remark(1, 'c.txt', 1, 'Please rename.')
        if (heads.length === 1) await forge.check(head, 'ci', 'failure', 'Error: not fixed')
        else await forge.check(head, 'ci', 'success')
      },
      started: (_child, die) => {
        if (mode === 'entered' || mode === 'leaving') return
        // The forge goes on with what it was asked; nobody hears the answer.
        forge.setFault((exchange) => {
          const shape = shapeOf(exchange)
          if (shape) die(shape)
          return undefined
        })
      },
    })
    expect(killed).toMatchObject({ code: 0 })
    expect(killed.at).toEqual(expect.arrayContaining(MOMENTS[mode]))
    const after = await openWorld({ ...githubOptions(dir, forge.url), again: true })
    const task = after.ledger.require('tasks', attempt.taskId)
    expect(task).toMatchObject({ status: 'landed', landedSha: sh(bare, 'rev-parse', 'main') })
    expect(log(bare)).toEqual(['Add c (#1)', 'meanwhile', 'first'])
    expect(sh(bare, 'show', 'main:c.txt')).toBe('fixed and renamed')
    expect(await forge.pulls()).toHaveLength(1)
    const replies = (await forge.comments(1)).filter((comment) => comment.in_reply_to_id !== null)
    expect(replies.map((reply) => reply.body.split('\n')[0])).toEqual([
      expect.stringMatching(/^\*\*Done in [0-9a-f]{10}\.\*\* Renamed\.$/),
    ])
    expect(sh(bare, 'branch', '--list', 'quartet/*')).toBe('')
    expect(sh(join(dir, 'app'), 'rev-parse', 'main')).toBe(task.landedSha)
    expectGone(join(dir, 'app'), attempt)
    const facts = after.ledger.facts({ taskId: attempt.taskId, limit: 1_000 })
    const count = (kind: string) => facts.filter((fact) => fact.kind === kind).length
    expect({
      opened: count('pull.opened'),
      fixes: count('land.fix'),
      replied: count('pull.replied'),
    }).toEqual({ opened: 1, fixes: 2, replied: 1 })
    expect(facts.filter((fact) => fact.kind === 'task.status' && fact.body.to === 'landed')).toHaveLength(1)
  })
})
