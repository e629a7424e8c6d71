import { writeSync } from 'node:fs'
import { sh } from '../../git/fixtures.ts'
import { githubOptions } from './github-world.ts'
import { type Agent, commits, openWorld } from './world.ts'

// A process that lands what is in the lane of a world and says each phase as it is written down; tests kill it.
// Arguments: the world's folder, and the URL of its forge (none for the local one).

const [dir = '', url = ''] = process.argv.slice(2)

/** Does what it is told, and nothing twice: an agent that was cut off goes on where it was. */
const agent: Agent = (attempt, message) => {
  const review = message.includes('## Review comments')
  const subject = review ? 'Rename as asked' : 'Mend the check'
  if (sh(attempt.worktree, 'log', '--format=%s', '-20').split('\n').includes(subject)) return
  const reply = review ? '\n\nQuartet-Reply: t1 accept Renamed.' : ''
  commits(attempt, { 'c.txt': review ? 'fixed and renamed\n' : 'fixed\n' }, `${subject}${reply}`)
}

const common = { dir, agent, again: true, outsideTests: true }
const world = await openWorld(url === '' ? common : githubOptions(dir, url, common))
let told = ''
const tell = () => {
  for (const run of world.ledger.select('landRuns')) {
    const line = run.status === 'fixing' ? 'fixing' : run.phase
    if (line !== told) writeSync(1, `${line}\n`)
    told = line
    if (run.endedAt !== null) process.exit(run.status === 'landed' ? 0 : 3)
  }
}
world.ledger.committed.on(tell)
world.carryOn()
world.lane.begin()
world.watch.begin()
tell()
setTimeout(() => process.exit(4), 240_000)
