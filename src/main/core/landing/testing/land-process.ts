import type { ChildProcess } from 'node:child_process'
import { subscribe } from 'node:diagnostics_channel'
import { writeSync } from 'node:fs'
import { sh } from '../../git/fixtures.ts'
import { githubOptions } from './github-world.ts'
import { type Agent, commits, openWorld } from './world.ts'

// A process that lands what is in the lane of a world and kills itself with SIGKILL, so that the moment is exact:
// `entered`: right after a phase was committed, before anything of it is done;
// `leaving`: inside the transaction that would note that a phase is done, so that its effect is there and its record is not;
// `within`: while a child of ours is at work, which it freezes before, so that the child certainly outlives it;
// `unmarked`: the same, but the process that comes next cannot see the child, as where no marks can be read.
// Arguments: the world's folder, the URL of its forge (`-` for the local one), the mode, the moments it has died in before.
// It says `up` when it has started, and the moment it dies in with the process that it froze: `merge:update-ref 4711`.

const [dir = '', url = '-', mode = 'entered', before = ''] = process.argv.slice(2)
const survived = new Set(before.split(',').filter(Boolean))

/** Does what it is told, and nothing twice: an agent that was cut off goes on where it was. */
const agent: Agent = (attempt, message) => {
  const review = message.includes('## Review comments')
  const subject = review ? 'Rename as asked' : 'Mend the check'
  if (sh(attempt.worktree, 'log', '--format=%s', '-20').split('\n').includes(subject)) return
  const reply = review ? '\n\nQuartet-Reply: t1 accept Renamed.' : ''
  commits(attempt, { 'c.txt': review ? 'fixed and renamed\n' : 'fixed\n' }, `${subject}${reply}`)
}

writeSync(1, 'up\n')
const common = { dir, agent, again: true, outsideTests: true, unmarked: mode === 'unmarked' }
const world = await openWorld(url === '-' ? common : githubOptions(dir, url, common))
const { ledger } = world
const at = () => {
  const run = ledger.select('landRuns')[0]
  return run?.endedAt ? 'done' : run?.status === 'fixing' ? 'fixing' : (run?.phase ?? 'none')
}
const dieIn = (moment: string, frozen: number | undefined = undefined) => {
  if (moment === 'done' || survived.has(moment)) return
  if (frozen !== undefined) process.kill(frozen, 'SIGSTOP')
  writeSync(1, `${moment} ${frozen ?? ''}\n`)
  process.kill(process.pid, 'SIGKILL')
}

/** What changes something outside: git's writing verbs, and the checks. */
const WRITING = ['update-ref', 'read-tree', 'update-index', 'commit-tree', 'push', 'fetch', 'bash']
if (mode === 'within' || mode === 'unmarked')
  subscribe('child_process', (message) => {
    const { process: child } = message as { process: ChildProcess }
    child.once('spawn', () => {
      const verb = child.spawnargs.find((arg) => WRITING.includes(arg))
      if (verb) dieIn(`${at()}:${verb}`, child.pid)
    })
  })

const commit = ledger.commit.bind(ledger)
Object.assign(ledger, {
  commit: (work: Parameters<typeof commit>[0]) =>
    commit((tx) => {
      const phase = at()
      const result = work(tx)
      if (mode === 'leaving' && at() !== phase) dieIn(phase)
      return result
    }),
})
const look = () => {
  if (mode === 'entered') dieIn(at())
  const run = ledger.select('landRuns')[0]
  if (!run?.endedAt) return
  writeSync(1, `${run.status} ${run.reason ?? ''}\n`)
  process.exit(run.status === 'landed' ? 0 : 3)
}
ledger.committed.on(look)
look()
world.carryOn()
world.lane.begin()
world.watch.begin()
setTimeout(() => {
  writeSync(1, `stuck ${JSON.stringify(ledger.select('landRuns')[0])}\n`)
  process.exit(4)
}, 240_000)
