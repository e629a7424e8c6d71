import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { applyPush, emptyEntities } from '../../../shared/state/apply.ts'
import { Redactor } from '../../kernel/redact.ts'
import { Ledger } from './ledger.ts'
import { type Database, openDatabase } from './open.ts'

let dir: string
let db: Database
let ledger: Ledger
const clock = { now: () => 1_000, monotonic: () => 0 }

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quartet-db-'))
  db = await openDatabase(join(dir, 'quartet.db'))
  ledger = new Ledger(db, clock, new Redactor())
})
afterEach(async () => {
  ledger.close()
  await rm(dir, { recursive: true })
})

const repository = (id = 'repo_1') => ({
  id,
  path: `/tmp/${id}`,
  name: 'näme',
  baseBranch: 'main',
  remoteUrl: null,
  forge: 'local' as const,
  trustedHash: null,
  problem: null,
  createdAt: 5,
})

describe('a commit', () => {
  it('changes rows and appends facts together, and stamps the rows with its number', () => {
    const row = ledger.commit((tx) => {
      tx.fact({ kind: 'repository.added', repoId: 'repo_1', body: { name: 'x' } })
      return tx.put('repositories', repository())
    })
    expect(row.rev).toBe(1)
    expect(ledger.get('repositories', 'repo_1')).toEqual(row)
    expect(ledger.facts({ limit: 10 })).toMatchObject([
      { seq: 1, kind: 'repository.added', actor: 'core', body: { name: 'x' } },
    ])
  })

  it('leaves nothing behind when it throws, and tells nobody', () => {
    const heard: number[] = []
    ledger.committed.on((rev) => heard.push(rev))
    expect(() =>
      ledger.commit((tx) => {
        tx.put('repositories', repository())
        tx.fact({ kind: 'repository.added' })
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(ledger.select('repositories')).toEqual([])
    expect(ledger.facts({ limit: 10 })).toEqual([])
    expect(heard).toEqual([])
    expect(ledger.rev).toBe(0)
  })

  it('writes a fact with a known key once', () => {
    for (let i = 0; i < 2; i++)
      ledger.commit((tx) => tx.fact({ kind: 'task.created', taskId: `t${i}`, dedupeKey: 'k' }))
    expect(ledger.facts({ limit: 10 })).toHaveLength(1)
    expect(ledger.factByKey('k')?.taskId).toBe('t0')
  })

  it('keeps secrets out of facts', () => {
    ledger.commit((tx) =>
      tx.fact({ kind: 'attempt.question', body: { text: `token ghp_${'a'.repeat(36)}` } }),
    )
    expect(ledger.facts({ limit: 1 })[0]?.body.text).toBe('token [redacted]')
  })
})

describe('the database', () => {
  it('refuses to change or delete a fact', () => {
    ledger.commit((tx) => tx.fact({ kind: 'task.created' }))
    expect(() => db.prepare("UPDATE facts SET kind = 'x'").run()).toThrow('append-only')
    expect(() => db.prepare('DELETE FROM facts').run()).toThrow('append-only')
  })

  it('syncs every commit to the disk', () => {
    expect(db.pragma('synchronous', { simple: true })).toBe(2)
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
  })

  it('allows one winner per task', () => {
    const attempt = (n: number, status: 'mergeable' | 'ready') => ({
      id: `att_${n}`,
      taskId: 'task_1',
      repoId: 'repo_1',
      roundId: 'round_1',
      round: 1,
      n,
      agent: 'shell',
      slot: { agent: 'shell', command: null, scenario: null, model: null, hint: null },
      status,
      statusAt: 0,
      statusSource: 'core' as const,
      reason: null,
      step: null,
      endReason: null,
      attention: null,
      worktree: `/w/${n}`,
      branch: `b${n}`,
      baseSha: 's',
      headSha: null,
      diffstat: null,
      terminalId: null,
      sessionRef: null,
      usage: null,
      verdict: null,
      trashRef: null,
      ignoredFiles: null,
      portBase: null,
      createdAt: 0,
      startedAt: null,
      readyAt: null,
      endedAt: null,
    })
    ledger.commit((tx) => {
      tx.put('repositories', repository())
      tx.put('tasks', {
        id: 'task_1',
        repoId: 'repo_1',
        title: 't',
        brief: 'b',
        status: 'deciding',
        reason: null,
        round: 1,
        baseBranch: 'main',
        baseSha: 's',
        winnerAttemptId: null,
        landedSha: null,
        createdAt: 0,
        statusAt: 0,
        closedAt: null,
      })
      tx.put('rounds', {
        id: 'round_1',
        taskId: 'task_1',
        n: 1,
        baseSha: 's',
        slots: [],
        prompt: 'p',
        firedAt: 0,
      })
      tx.put('attempts', attempt(1, 'mergeable'))
    })
    expect(() => ledger.commit((tx) => tx.put('attempts', attempt(2, 'mergeable')))).toThrow('UNIQUE')
    expect(ledger.commit((tx) => tx.put('attempts', attempt(2, 'ready'))).slot.agent).toBe('shell')
  })
})

describe('what changed since', () => {
  it('brings a client that was away to exactly the state of one that was not', () => {
    ledger.commit((tx) => tx.put('repositories', repository('repo_1')))
    const first = ledger.snapshot()
    const away = applyPush(emptyEntities, { type: 'snapshot', epoch: ledger.epoch, ...first })
    ledger.commit((tx) => {
      tx.put('repositories', repository('repo_2'))
      tx.fact({ kind: 'repository.added', repoId: 'repo_2' })
    })
    ledger.commit((tx) => tx.remove('repositories', 'repo_1'))
    const delta = ledger.since(first.to)
    if (away === 'gap' || !delta) throw new Error('unexpected')
    const back = applyPush(away, { type: 'delta', epoch: ledger.epoch, from: first.to, ...delta })
    const fresh = applyPush(emptyEntities, { type: 'snapshot', epoch: ledger.epoch, ...ledger.snapshot() })
    expect(back).toEqual(fresh)
  })

  it('is unknown to a core that is behind the client: it gets everything', () => {
    expect(ledger.since(99)).toBeNull()
  })

  it('counts on where it was after a restart', async () => {
    ledger.commit((tx) => tx.put('repositories', repository()))
    ledger.commit((tx) => tx.fact({ kind: 'task.created' }))
    const { rev, epoch } = ledger
    ledger.close()
    ledger = new Ledger(await openDatabase(join(dir, 'quartet.db')), clock, new Redactor())
    expect(ledger.rev).toBe(rev)
    expect(ledger.epoch).toBe(epoch)
  })
})
