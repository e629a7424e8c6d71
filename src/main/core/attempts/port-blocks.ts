import { randomInt } from 'node:crypto'
import { access, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { PORTS_PER_ATTEMPT } from '../../../shared/domain/attempt.ts'
import { isOver } from '../../../shared/machines/attempt-machine.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Ledger } from '../db/ledger.ts'

/** Below the ports that systems hand out for outgoing connections (Linux from 32768, macOS from 49152). */
const FIRST_PORT = 20_000
const BLOCKS = 1_000
/** A connection on loopback is refused or taken at once. */
const PROBE_MS = 500

const Claim = z.object({ owner: z.string(), attemptId: z.string() })
type Claim = z.infer<typeof Claim>

export interface PortBlocksDeps {
  ledger: Ledger
  log: Logger
  /** Names this core to others of this machine: its data directory. */
  owner: string
  /** Where all cores of this user write down who has which block. */
  claimsDir?: string
  /** Which ports to give. */
  range?: { first: number; blocks: number }
}

/**
 * Gives each attempt ten ports of its own. Who has which block stands in one folder for all cores of this user, a file
 * per block, so that two of them never give out the same; whether a port is free is probed all the same.
 */
export class PortBlocks {
  readonly #deps: PortBlocksDeps
  readonly #dir: string

  constructor(deps: PortBlocksDeps) {
    this.#deps = deps
    this.#dir =
      deps.claimsDir ??
      join(tmpdir(), `quartet-ports-${process.platform === 'win32' ? 'user' : userInfo().uid}`)
  }

  /** The attempt's block: the one that it has, or a free one, written down. Null when none is free. */
  async reserve(attemptId: string): Promise<{ base: number; count: number } | null> {
    const { ledger, log } = this.#deps
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    const had = ledger.require('attempts', attemptId).portBase
    // What listens there is most likely its own from before.
    if (had !== null && (await this.#claim(had, attemptId))) return { base: had, count: PORTS_PER_ATTEMPT }
    const { first, blocks } = this.#deps.range ?? { first: FIRST_PORT, blocks: BLOCKS }
    // From anywhere: a block that was given back just now may still have connections that linger.
    const start = randomInt(blocks)
    for (let i = 0; i < blocks; i++) {
      const base = first + ((start + i) % blocks) * PORTS_PER_ATTEMPT
      if (!(await this.#claim(base, attemptId))) continue
      if (await isFreeBlock(base)) {
        ledger.commit((tx) => tx.patch('attempts', attemptId, { portBase: base }))
        return { base, count: PORTS_PER_ATTEMPT }
      }
      await rm(this.#file(base), { force: true })
    }
    log.warn('no block of ports is free', { attemptId })
    return null
  }

  /** Gives the attempt's block back. */
  async release(attemptId: string): Promise<void> {
    const { ledger } = this.#deps
    const base = ledger.get('attempts', attemptId)?.portBase ?? null
    if (base === null) return
    ledger.commit((tx) => tx.patch('attempts', attemptId, { portBase: null }))
    if (this.#isMine(await this.#read(base), attemptId)) await rm(this.#file(base), { force: true })
  }

  /** At boot: gives back what attempts that are over still hold, and claims again what the others do. */
  async reconcile(): Promise<void> {
    const { ledger, owner } = this.#deps
    await mkdir(this.#dir, { recursive: true, mode: 0o700 })
    for (const attempt of ledger.select('attempts', 'portBase IS NOT NULL')) {
      if (isOver(attempt.status) && attempt.trashRef !== null) await this.release(attempt.id)
      else if (attempt.portBase !== null) await this.#claim(attempt.portBase, attempt.id)
    }
    for (const name of await readdir(this.#dir)) {
      const base = Number(name)
      const claim = Number.isInteger(base) ? await this.#read(base) : null
      if (claim?.owner === owner && ledger.get('attempts', claim.attemptId)?.portBase !== base)
        await rm(this.#file(base), { force: true })
    }
  }

  #file(base: number): string {
    return join(this.#dir, String(base))
  }

  #isMine(claim: Claim | null, attemptId: string): boolean {
    return claim?.owner === this.#deps.owner && claim.attemptId === attemptId
  }

  /** Who has the block; null for nobody or a file that is no claim. */
  async #read(base: number): Promise<Claim | null> {
    try {
      return Claim.parse(JSON.parse(await readFile(this.#file(base), 'utf8')))
    } catch {
      return null
    }
  }

  /** Writes the block down as the attempt's; false when somebody else has it. */
  async #claim(base: number, attemptId: string): Promise<boolean> {
    const file = this.#file(base)
    const fresh = join(this.#dir, `.${mintId('claim')}`)
    await writeFile(fresh, JSON.stringify({ owner: this.#deps.owner, attemptId }), { mode: 0o600 })
    try {
      for (let tries = 0; tries < 2; tries++) {
        try {
          // A link is made whole or not at all: nobody reads half a claim.
          await link(fresh, file)
          return true
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        }
        const claim = await this.#read(base)
        if (this.#isMine(claim, attemptId)) return true
        if (claim === null || !(await isMissing(claim.owner)) || !(await this.#bury(base, claim)))
          return false
      }
      return false
    } finally {
      await rm(fresh, { force: true })
    }
  }

  /** Takes away the claim of a data directory that was deleted; false when the file is another one by now. */
  async #bury(base: number, stale: Claim): Promise<boolean> {
    const aside = join(this.#dir, `.${mintId('stale')}`)
    try {
      await rename(this.#file(base), aside)
      const found = Claim.safeParse(JSON.parse(await readFile(aside, 'utf8')))
      const same =
        found.success && found.data.owner === stale.owner && found.data.attemptId === stale.attemptId
      if (!same) await link(aside, this.#file(base)).catch(() => {})
      return same
    } catch {
      return false
    } finally {
      await rm(aside, { force: true })
    }
  }
}

async function isMissing(path: string): Promise<boolean> {
  return access(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  )
}

async function isFreeBlock(base: number): Promise<boolean> {
  const ports = Array.from({ length: PORTS_PER_ATTEMPT }, (_, i) => base + i)
  return (await Promise.all(ports.map(isFree))).every(Boolean)
}

/** Nobody answers on loopback, and we could listen there. The second alone misses who listens on all addresses (macOS). */
async function isFree(port: number): Promise<boolean> {
  const answers = await Promise.all([answersAt(port, '127.0.0.1'), answersAt(port, '::1')])
  return !answers.includes(true) && (await canListen(port))
}

function answersAt(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host })
    const done = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.setTimeout(PROBE_MS, () => done(true))
    socket.on('connect', () => done(true))
    socket.on('error', () => done(false))
  })
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
