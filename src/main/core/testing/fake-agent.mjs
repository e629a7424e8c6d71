// A stand-in for agent CLIs that does on demand what real ones do rarely. It takes Claude Code's arguments, or just a prompt
// (as `gemini`), lives in its terminal, and plays what the prompt asks for with `fake:NAME`.
import { execSync, spawn, spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const args = process.argv.slice(2)
if (args.includes('--version')) {
  console.log('2.1.999 (fake)')
  process.exit(0)
}
if (args.includes('--help')) process.exit(0)
const optionOf = (flag) =>
  args.find((arg) => arg.startsWith(`${flag}=`))?.slice(flag.length + 1) ??
  (args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined)
const prompt = args.includes('--')
  ? args.slice(args.indexOf('--') + 1).join(' ')
  : (optionOf('--prompt-interactive') ?? '')
const session = optionOf('--resume') ?? optionOf('--session-id') ?? 'none'
const hooks = optionOf('--settings') ? JSON.parse(readFileSync(optionOf('--settings'), 'utf8')).hooks : {}
const transcript = join(
  process.env.CLAUDE_CONFIG_DIR ?? '/nonexistent',
  'projects',
  'fake',
  `${session}.jsonl`,
)
const play = /fake:([a-z-]+)/.exec(prompt)?.[1] ?? (args.includes('--resume') ? 'resumed' : 'normal')
/** What was typed and heard, for a test to read: names of plays, never keys of a person. */
const note = (text) => appendFileSync(`${process.cwd()}.notes`, `${text}\n`)

const payloadOf = (event, fields) =>
  JSON.stringify({ hook_event_name: event, session_id: session, ...fields })
function hook(event, fields = {}) {
  for (const { hooks: commands } of hooks[event] ?? [])
    for (const { command } of commands)
      spawnSync('sh', ['-c', command], {
        input: payloadOf(event, fields),
        stdio: ['pipe', 'ignore', 'ignore'],
      })
}
/** Reports after this process has ended. */
function hookLater(event, ms) {
  const command = hooks[event][0].hooks[0].command
  const line = `sleep ${ms / 1_000}; printf '%s' '${payloadOf(event, { tool_name: 'Bash' })}' | ${command}`
  spawn('sh', ['-c', line], { detached: true, stdio: 'ignore' }).unref()
}

function commit(name) {
  execSync(`echo ${session} > ${name} && git add ${name} && git commit -qm "Add ${name}"`, {
    stdio: 'ignore',
  })
}
function spend(input, output) {
  mkdirSync(join(transcript, '..'), { recursive: true })
  const id = `msg_${Math.random()}`
  const usage = { input_tokens: input, output_tokens: output }
  const lines = [
    { type: 'user', uuid: `u${id}`, message: { content: 'go on' } },
    { type: 'assistant', uuid: `a${id}`, message: { id, model: 'claude-opus-5', content: [], usage } },
  ]
  for (const line of lines) appendFileSync(transcript, `${JSON.stringify(line)}\n`)
}

// Keys come in pieces, as they were written: what arrives together is one piece.
const pieces = []
let wake = () => {}
if (process.stdin.isTTY) process.stdin.setRawMode(true)
process.stdin.on('data', (data) => {
  pieces.push(data.toString('latin1'))
  wake()
})
async function piece() {
  while (pieces.length === 0) await new Promise((resolve) => (wake = resolve))
  return pieces.shift()
}
async function message(swallow) {
  let text = ''
  for (;;) {
    const keys = await piece()
    if (keys === '\r' && text !== '' && swallow-- <= 0) return text
    if (keys.startsWith('\x1b[200~')) text = keys.slice(6, keys.indexOf('\x1b[201~'))
    note(
      keys === '\r'
        ? 'enter'
        : keys.startsWith('\x1b[200~')
          ? `paste ${text}`
          : `keys ${JSON.stringify(keys)}`,
    )
  }
}

async function turn(text, name) {
  hook('UserPromptSubmit', { prompt: text })
  hook('PreToolUse', { tool_name: 'Bash' })
  commit(name)
  hook('PostToolUse', { tool_name: 'Bash' })
  hook('Stop', { last_assistant_message: `Done: ${text}` })
}
async function chat(swallow = 0) {
  for (let n = 1; ; n++) await turn(await message(swallow), `turn-${n}`)
}
/** Draws like an agent at work until `until` says so. */
async function spin(until) {
  const frames = '⠋⠙⠹⠸⠼⠴⠦⠧'
  for (let i = 0; !until(); i++) {
    process.stdout.write(`\x1b]0;${frames[i % 8]} working\x07\r${frames[i % 8]} Working ${i}`)
    await sleep(200)
  }
}

const PLAYS = {
  async normal() {
    start()
    await turn(prompt, 'work')
    await chat()
  },
  async resumed() {
    start()
    process.stdout.write('Resumed.\r\n')
    await chat()
  },
  async 'swallowed-enter'() {
    start()
    await turn(prompt, 'work')
    await chat(1)
  },
  /** Ends its turn only once the test lets it. */
  async held() {
    start()
    hook('UserPromptSubmit', { prompt })
    note('held')
    while (!existsSync(`${process.cwd()}.go`)) await sleep(50)
    commit('work')
    hook('Stop', { last_assistant_message: 'Done at last.' })
    note('stopped')
    await chat()
  },
  async deaf() {
    start()
    await turn(prompt, 'work')
    for (;;) await piece()
  },
  async dialog() {
    process.stdout.write(
      ' Quick safety check: is this a project you trust?\r\n\r\n ❯ No, exit\r\n   Yes, I trust this folder\r\n',
    )
    process.stdout.write(' Enter to confirm · Esc to cancel\r\n')
    let yes = false
    for (let keys = await piece(); keys !== '\r'; keys = await piece()) yes = keys === '\x1b[B'
    if (!yes) process.exit(1)
    process.stdout.write('\x1b[2J\x1b[HWelcome\r\n')
    await PLAYS.normal()
  },
  async permission() {
    start()
    hook('UserPromptSubmit', { prompt })
    hook('PreToolUse', { tool_name: 'Bash' })
    hook('PermissionRequest', { tool_name: 'Bash', tool_input: { command: 'make release' } })
    // Keys that come before the dialog go into the message line, as in the real one.
    await sleep(1_000)
    if (pieces.length > 0) note('too early')
    process.stdout.write(' Do you want to proceed?\r\n ❯ 1. Yes\r\n   2. No\r\n')
    if ((await piece()) !== '1') process.exit(1)
    process.stdout.write('\x1b[2J\x1b[H')
    await sleep(500)
    hook('PostToolUse', { tool_name: 'Bash' })
    hook('Stop', { last_assistant_message: 'Released.' })
    await chat()
  },
  /** A question of the model's own: what it offers by number, and after that an entry for other words. */
  async choice() {
    const question = 'Which store shall the tests use?'
    const offered = ['The same as in production', 'One in memory', 'The mock that is there']
    start()
    hook('UserPromptSubmit', { prompt })
    hook('PermissionRequest', {
      tool_name: 'AskUserQuestion',
      tool_input: { questions: [{ question, options: offered.map((label) => ({ label })) }] },
    })
    const entries = [...offered, 'Type something.'].map((entry, i) => `   ${i + 1}. ${entry}\r\n`)
    process.stdout.write(` ${question}\r\n${entries.join('')}`)
    const chosen = Number(await piece()) - 1
    const said = offered[chosen] ?? (await message(0))
    note(`chose ${said}`)
    process.stdout.write('\x1b[2J\x1b[H')
    hook('PostToolUse', { tool_name: 'AskUserQuestion' })
    commit('work')
    hook('Stop', { last_assistant_message: `It is ${said}.` })
    await chat()
  },
  async 'late-hook'() {
    start()
    hook('UserPromptSubmit', { prompt })
    hookLater('PreToolUse', 2_000)
    process.exit(3)
  },
  async 'two-stops'() {
    start()
    await turn(prompt, 'work')
    hook('Stop', { last_assistant_message: 'Done again.' })
    await sleep(2_000)
    hook('Stop', { last_assistant_message: 'Done a third time.' })
    await chat()
  },
  async 'sub-agent'() {
    start()
    hook('UserPromptSubmit', { prompt })
    hook('Stop', { agent_id: 'sub-1', last_assistant_message: 'Only a part.' })
    hook('SubagentStop', { agent_id: 'sub-1' })
    process.stdout.write('The sub-agent is through.\r\n')
    await message(0)
    commit('work')
    hook('Stop', { last_assistant_message: 'All of it.' })
    await chat()
  },
  async 'ignored-term'() {
    for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) process.on(signal, () => note(signal))
    start()
    hook('UserPromptSubmit', { prompt })
    await new Promise((resolve) => setInterval(resolve, 2 ** 30))
  },
  async interrupted() {
    start()
    hook('UserPromptSubmit', { prompt })
    await spin(() => pieces.includes('\x1b'))
    pieces.length = 0
    process.stdout.write('\r\nInterrupted · What should it do instead?\r\n')
    await chat()
  },
  async 'escape-ignored'() {
    start()
    hook('UserPromptSubmit', { prompt })
    await spin(() => pieces.includes('s'))
    await turn('stopped', 'work')
    await chat()
  },
  async limit() {
    start()
    hook('UserPromptSubmit', { prompt })
    hook('StopFailure', { error_details: 'You have hit your session limit, it resets in 12 seconds' })
    await chat()
  },
  async spend() {
    start()
    hook('UserPromptSubmit', { prompt })
    spend(900, 100)
    hook('PreToolUse', { tool_name: 'Bash' })
    commit('work')
    hook('Stop', { last_assistant_message: 'Spent.' })
    for (;;) {
      const text = await message(0)
      hook('UserPromptSubmit', { prompt: text })
      spend(500, 50)
      hook('Stop', { last_assistant_message: 'Spent more.' })
    }
  },
  async 'title-only'() {
    process.stdout.write('\x1b]0;⠋ working\x07Working\r\n')
    await sleep(1_500)
    process.stdout.write('\x1b]0;✳ idle\x07Idle\r\n')
    await piece()
    commit('work')
    process.exit(0)
  },
}

function start() {
  hook('SessionStart', { transcript_path: transcript, source: 'startup' })
  process.stdout.write('> ')
}

await PLAYS[play]()
