import { writeSync } from 'node:fs'
import { type AnyRouter, createRouterClient } from '@orpc/server'
import type { CoreClient } from '../../../shared/contract/client.ts'
import type { Attempt } from '../../../shared/domain/attempt.ts'
import { isUnfinished } from '../../../shared/machines/attempt-machine.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import { createCore } from '../core.ts'
import { openDataDir } from '../data-dir.ts'
import { Ledger } from '../db/ledger.ts'
import { testCoreOptions } from './test-core-options.ts'

// A core that kills itself with SIGKILL right after a commit, before anything else that was to follow it: the first one that
// wrote down something new, such as `attempt.status running`. Arguments: the data directory, and what the cores before it
// died of. It says what it dies of, or ends in order once no attempt has anything left to do.

const [dataDir = '', ...survived] = process.argv.slice(2)

const isAtWork = ({ status, trashRef }: Attempt) =>
  isUnfinished(status) ||
  status === 'mergeable' ||
  status === 'landing' ||
  (status === 'trashed' && trashRef === null)

let look = async () => {}
const { commit } = Ledger.prototype
Ledger.prototype.commit = function (work) {
  const before = this.facts({ limit: 1 })[0]?.seq ?? 0
  const result = commit.call(this, work)
  for (const { seq, kind, body } of this.facts({ limit: 20 })) {
    const moment = [kind, body.to ?? body.step ?? body.phase].filter(Boolean).join(' ')
    if (seq <= before || survived.includes(moment)) continue
    writeSync(1, `${moment}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  void look()
  return result as never
}

const dir = await openDataDir(dataDir)
const core = await createCore(testCoreOptions({ dataDir, log: silentLogger, redactor: new Redactor() }))
const client = createRouterClient(core.router as AnyRouter) as unknown as CoreClient
await new Promise<void>((done) => {
  look = async () => {
    const attempts = await client.attempts.list({ all: true })
    if (!attempts.some(isAtWork)) done()
  }
  void look()
})
await core.close({ stopAgents: false })
await dir.release()
process.exit(0)
