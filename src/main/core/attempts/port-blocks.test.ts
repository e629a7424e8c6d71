import { mkdir, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { PORTS_PER_ATTEMPT } from '../../../shared/domain/attempt.ts'
import { silentLogger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'
import { openLedger, putAttempt, putRepository, putTask } from '../testing/ledger-fixture.ts'
import { PortBlocks } from './port-blocks.ts'

async function arrange(count: number) {
  const { dir, ledger } = await openLedger()
  const owner = join(dir, 'data')
  await mkdir(owner)
  const claimsDir = join(dir, 'claims')
  putRepository(ledger, dir)
  const { round } = putTask(ledger, 'repo_1', { baseSha: '0'.repeat(40) })
  const attempts = Array.from({ length: count }, (_, i) =>
    putAttempt(ledger, round, 'repo_1', { n: i + 1, worktree: `/w/${i}`, status: 'running' }),
  )
  const blocks = new PortBlocks({ ledger, log: silentLogger, owner, claimsDir })
  return { ledger, blocks, owner, claimsDir, ids: attempts.map((attempt) => attempt.id) }
}

const portOf = (ledger: Ledger, id: string) => ledger.require('attempts', id).portBase
const names = async (dir: string) => (await readdir(dir)).filter((name) => !name.startsWith('.'))

it('gives each attempt a block of its own, the same one again, and takes it back', async () => {
  const { ledger, blocks, claimsDir, ids } = await arrange(4)
  const given = await Promise.all(ids.map((id) => blocks.reserve(id)))
  expect(new Set(given.map((block) => block?.base)).size).toBe(4)
  expect(given.map((block) => block?.base)).toEqual(ids.map((id) => portOf(ledger, id)))
  expect(await blocks.reserve(ids[0]!)).toEqual(given[0])

  await blocks.release(ids[0]!)
  expect(portOf(ledger, ids[0]!)).toBeNull()
  expect((await names(claimsDir)).map(Number).sort()).toEqual(
    given
      .slice(1)
      .map((block) => block?.base)
      .sort(),
  )
})

it('two cores never give out the same block, and a restarted one keeps its own', async () => {
  const one = await arrange(20)
  const two = await arrange(20)
  const claimsDir = one.claimsDir
  const other = new PortBlocks({ ledger: two.ledger, log: silentLogger, owner: two.owner, claimsDir })
  const given = await Promise.all([
    ...one.ids.map((id) => one.blocks.reserve(id)),
    ...two.ids.map((id) => other.reserve(id)),
  ])
  expect(new Set(given.map((block) => block?.base)).size).toBe(40)

  // A clean-up of the temp folder at a reboot: the ledger still knows.
  const mine = portOf(one.ledger, one.ids[0]!)
  await rm(claimsDir, { recursive: true })
  const again = new PortBlocks({ ledger: one.ledger, log: silentLogger, owner: one.owner, claimsDir })
  await again.reconcile()
  expect((await again.reserve(one.ids[0]!))?.base).toBe(mine)
  expect(await names(claimsDir)).toHaveLength(20)
})

it.each(['0.0.0.0', '127.0.0.1'])('gives no block in which something listens on %s', async (host) => {
  const { ledger, blocks, owner, claimsDir, ids } = await arrange(1)
  const first = (await blocks.reserve(ids[0]!))?.base ?? 0
  await blocks.release(ids[0]!)
  const range = { first, blocks: 1 }
  const only = new PortBlocks({ ledger, log: silentLogger, owner, claimsDir, range })
  const server = createServer()
  onTestFinished(() => void server.close())
  await new Promise<void>((resolve) => server.listen(first + PORTS_PER_ATTEMPT - 1, host, resolve))
  expect(await only.reserve(ids[0]!)).toBeNull()
  expect(await names(claimsDir)).toEqual([])
  await new Promise((resolve) => server.close(resolve))
  expect(await only.reserve(ids[0]!)).toEqual({ base: first, count: PORTS_PER_ATTEMPT })
})

it('takes over what a deleted data directory had claimed, but not what a living one has', async () => {
  const { ledger, blocks, owner, claimsDir, ids } = await arrange(1)
  const base = (await blocks.reserve(ids[0]!))?.base
  const foreign = (dataDir: string) =>
    new PortBlocks({ ledger, log: silentLogger, owner: dataDir, claimsDir }).reserve(ids[0]!)
  expect((await foreign(`${owner}-of-another`))?.base).not.toBe(base)

  ledger.commit((tx) => tx.patch('attempts', ids[0]!, { portBase: base ?? null }))
  await rm(owner, { recursive: true })
  expect((await foreign('/somewhere/else'))?.base).toBe(base)
})

it('gives back at boot what attempts that are over still hold', async () => {
  const { ledger, blocks, claimsDir, ids } = await arrange(2)
  await Promise.all(ids.map((id) => blocks.reserve(id)))
  ledger.commit((tx) => tx.patch('attempts', ids[0]!, { status: 'trashed', trashRef: 'refs/x' }))
  await blocks.reconcile()
  expect(portOf(ledger, ids[0]!)).toBeNull()
  expect((await names(claimsDir)).map(Number)).toEqual([portOf(ledger, ids[1]!)])
})
