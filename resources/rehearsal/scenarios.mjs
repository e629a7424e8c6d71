// The plays. Each takes the stage and gives {code, last}: the exit code and the closing words.
import { conflict, flawed, good, goodAlt, readBrief, red } from './changes.mjs'
import { goOn } from './continue.mjs'

const FLOOD_LINES = 100_000
const FLOOD_CHUNK = 500

/** What every play begins with: a look at the brief and at the files. */
async function look(stage) {
  const { title } = readBrief(stage.prompt)
  const files = await stage.repo.files()
  stage.screen.say(`I read the brief: ${title}`)
  const steps = ['Look at the files', 'Make the change', 'Test and commit']
  stage.screen.plan(steps, 0)
  await stage.step('Reading')
  const shown = files.filter((file) => /\.(md|js|ts|py|go|rs|json|toml)$/.test(file)).slice(0, 3)
  for (const file of shown) {
    const lines = stage.repo.exists(file) ? stage.repo.read(file).split('\n').length : 0
    stage.screen.tool('Read', file, `${lines} lines`)
    await stage.step('Reading')
  }
  stage.report('PostToolUse', { tool_name: 'Read', tool_input: { file_path: shown.at(-1) ?? '.' } })
  stage.screen.plan(steps, 1)
}

/** Makes the change and shows it as a diff. */
async function edit(stage, make, extra = null) {
  await stage.step('Writing', 2)
  const change = await make(stage.repo, stage.prompt, extra)
  for (const file of change.files) {
    const known = await stage.repo.tryGit('diff', '--no-ext-diff', '--no-textconv', '--', file)
    stage.screen.tool('Edit', file, known.stdout ? 'Updated' : 'Created')
    stage.screen.diff(known.stdout || stage.repo.read(file).replace(/^/gm, '+').slice(0, 2_000))
    await stage.step('Writing')
  }
  stage.report('PostToolUse', { tool_name: 'Edit', tool_input: { file_path: change.files[0] } })
  return change
}

/** Runs the tests that the change added, for real. */
async function test(stage, change) {
  const tests = change.files.filter((file) => /\.test\.js$/.test(file))
  if (tests.length === 0) return true
  const result = await stage.repo.node(['--test', ...tests])
  const passed = /^# pass (\d+)/m.exec(result.stdout)?.[1] ?? /pass (\d+)/.exec(result.stdout)?.[1] ?? '?'
  const failed = /^# fail (\d+)/m.exec(result.stdout)?.[1] ?? '?'
  const said = result.code === 0 ? `${passed} passed` : `${failed} failed\n${result.stdout.slice(-400)}`
  stage.screen.tool('Bash', `node --test ${tests.join(' ')}`, said, result.code !== 0)
  stage.report('PostToolUse', { tool_name: 'Bash', tool_input: { command: 'node --test' } })
  return result.code === 0
}

async function commit(stage, change) {
  await stage.step('Committing')
  const sha = await stage.repo.commit(change.files, change.message)
  const subject = change.message.split('\n')[0]
  stage.screen.tool('Bash', `git commit -m "${subject}"`, `[${sha}] ${subject}`)
}

const play =
  (make, { tested = true } = {}) =>
  async (stage, extra) => {
    await look(stage)
    const change = await edit(stage, make, extra)
    if (tested && !(await test(stage, change))) return { code: 1, last: 'My own test fails.' }
    await commit(stage, change)
    return { code: 0, last: `Done: ${change.title}. ${change.about}` }
  }

const plain = play(good)

export const scenarios = {
  good: plain,
  'good-alt': play(goodAlt),
  red: play(red, { tested: false }),
  flawed: play(flawed),
  conflict: play(conflict),
  slow: plain,

  async question(stage) {
    await look(stage)
    const answer = await stage.ask(
      'Should the change be noted in the commit message for the release notes? (yes/no)',
    )
    const extra = answer === null ? null : `Answer of the engineer: ${answer.split('\n')[0].slice(0, 200)}`
    const change = await edit(stage, good, extra)
    if (!(await test(stage, change))) return { code: 1, last: 'My own test fails.' }
    await commit(stage, change)
    return { code: 0, last: `Done: ${change.title}. ${extra ?? 'There was nobody to ask.'}` }
  },

  async hang(stage) {
    await look(stage)
    stage.screen.say('I look for the place that has to change.')
    return stage.forever()
  },

  async crash(stage) {
    await look(stage)
    await stage.step('Writing')
    throw new Error('The model stopped answering (rehearsed crash).')
  },

  async flood(stage) {
    await look(stage)
    for (let line = 0; line < FLOOD_LINES; line += FLOOD_CHUNK) {
      let text = ''
      for (let n = line + 1; n <= line + FLOOD_CHUNK; n++)
        text += `\x1b[2m${String(n).padStart(6)}\x1b[0m building module ${n % 977} of a very talkative tool chain\r\n`
      await stage.screen.flood(text)
    }
    const change = await edit(stage, good)
    if (!(await test(stage, change))) return { code: 1, last: 'My own test fails.' }
    await commit(stage, change)
    return { code: 0, last: `Done: ${change.title}. The tool chain printed ${FLOOD_LINES} lines.` }
  },

  async uncommitted(stage) {
    await look(stage)
    const change = await edit(stage, good)
    if (!(await test(stage, change))) return { code: 1, last: 'My own test fails.' }
    return { code: 0, last: `The change is in the working tree: ${change.title}.` }
  },

  async 'ignore-term'(stage) {
    for (const name of ['SIGTERM', 'SIGHUP']) process.on(name, () => stage.screen.line(`${name} is ignored.`))
    await look(stage)
    const change = await edit(stage, good)
    await commit(stage, change)
    stage.screen.say('The change is done; I go on looking for more.')
    return stage.forever()
  },

  async empty(stage) {
    await look(stage)
    return { code: 0, last: 'Nothing has to change: what the brief asks for is there already.' }
  },

  async chat(stage) {
    const first = await plain(stage, null)
    stage.screen.say(first.last)
    stage.report('Stop', { last_assistant_message: first.last })
    for (let message = await stage.listen(); message !== null; message = await stage.listen()) {
      if (message === '/exit') break
      stage.report('UserPromptSubmit', { prompt: message })
      const last = await goOn(stage, message)
      stage.screen.say(last)
      stage.report('Stop', { last_assistant_message: last })
    }
    return { code: 0, last: null }
  },
}

/** A conversation that is continued: by a message, or where it broke off. */
export async function resume(stage, message, before) {
  stage.screen.say(message ? 'I go on with our conversation.' : 'I go on where I was interrupted.')
  if (message) return { code: 0, last: await goOn(stage, message) }
  if (before.done) return { code: 0, last: 'Everything was done already.' }
  return plain(stage, null)
}
