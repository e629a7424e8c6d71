// Goes on after a follow-up message, as an agent does that looks at its worktree first: a conflict is solved, a red change is
// mended, uncommitted work is committed, and otherwise the message is answered by a note in the history.
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { good, revertRed } from './changes.mjs'

const CONFLICT = /^<{7}[^\n]*\n([\s\S]*?)(?:^\|{7}[^\n]*\n[\s\S]*?)?^={7}\n([\s\S]*?)^>{7}[^\n]*\n/gm

/** Both sides, theirs first: what landed before stays, ours comes after it; the same line is kept once. */
export function solve(text) {
  return text.replace(CONFLICT, (_all, ours, theirs) => {
    const kept = theirs.split('\n')
    const added = ours.split('\n').filter((line) => line !== '' && !kept.includes(line))
    return theirs + added.map((line) => `${line}\n`).join('')
  })
}

async function solveConflicts(stage) {
  const { repo } = stage
  const unmerged = (await repo.git('diff', '--name-only', '--diff-filter=U', '-z'))
    .split('\0')
    .filter(Boolean)
  if (unmerged.length === 0) return false
  stage.screen.say(
    `There ${unmerged.length === 1 ? 'is a conflict' : `are ${unmerged.length} conflicts`}. I keep both sides.`,
  )
  for (const file of unmerged) {
    if (repo.exists(file)) repo.write(file, solve(repo.read(file)))
    stage.screen.tool('Edit', file, 'Both sides are kept')
    await stage.step('Solving')
  }
  await repo.git('add', '--', ...unmerged)
  const inRebase = await pathExists(stage, 'rebase-merge', 'rebase-apply')
  await (inRebase
    ? repo.git('-c', 'commit.gpgsign=false', 'rebase', '--continue')
    : repo.git('-c', 'commit.gpgsign=false', 'commit', '--no-verify', '--quiet', '--no-edit'))
  stage.screen.tool('Bash', inRebase ? 'git rebase --continue' : 'git commit --no-edit', 'Done')
  return true
}

async function pathExists(stage, ...names) {
  for (const name of names) {
    const path = (await stage.repo.git('rev-parse', '--git-path', name)).trim()
    if (existsSync(resolve(stage.repo.at('.'), path))) return true
  }
  return false
}

/** Takes back what the scenario `red` did; true when there was something. */
async function mendRed(stage) {
  const { repo } = stage
  const files = await revertRed(repo)
  if (files.length === 0) return false
  stage.screen.say('The checks are red because of my change. I mend it.')
  await stage.step('Mending')
  const change = await good(repo, stage.prompt, null)
  const sha = await repo.commit(
    [...new Set([...files, ...change.files])],
    `Mend what failed the checks\n\n${change.about}`,
  )
  stage.screen.tool('Bash', 'git commit', `[${sha}] Mend what failed the checks`)
  return true
}

async function commitRest(stage) {
  const { repo } = stage
  const status = (await repo.git('status', '--porcelain', '-z', '--untracked-files=normal'))
    .split('\0')
    .filter(Boolean)
  if (status.length === 0) return false
  await repo.git('add', '--all')
  const sha = await repo.commit(['.'], 'Commit what was left over')
  stage.screen.tool('Bash', 'git add --all && git commit', `[${sha}] Commit what was left over`)
  return true
}

/** A line for each finding of a review, as the message asks for them; null when it brings none. */
async function answerFindings(stage, message) {
  const findings = [...message.matchAll(/^F(\d{1,3}) \((P\d), /gm)]
  if (findings.length === 0) return null
  const mended = await mendRed(stage)
  stage.screen.say(`I read ${findings.length === 1 ? 'the finding' : `${findings.length} findings`}.`)
  await stage.step('Thinking')
  return findings
    .map(([, n]) =>
      mended
        ? `F${n}: accepted - the change is mended and tested`
        : `F${n}: pushed back - it was left on purpose, to rehearse what a finding leads to`,
    )
    .join('\n')
}

/** Does what `message` asks for, as far as the worktree tells; gives the closing words. */
export async function goOn(stage, message) {
  const answers = await answerFindings(stage, message)
  if (answers !== null) return answers
  if (await solveConflicts(stage)) return 'The conflict is solved and committed.'
  if (await mendRed(stage)) return 'The change is mended and committed.'
  if (await commitRest(stage)) return 'What was left over is committed.'
  const words = message.trim().split('\n')[0].slice(0, 72)
  const name = 'rehearsal/follow-ups.md'
  const old = stage.repo.exists(name) ? stage.repo.read(name) : '# Follow-ups\n\n'
  stage.repo.write(name, `${old}- ${words}\n`)
  await stage.step('Working')
  const sha = await stage.repo.commit([name], `Take up: ${words}`)
  stage.screen.tool('Bash', 'git commit', `[${sha}] Take up: ${words}`)
  return `I took up “${words}”.`
}
