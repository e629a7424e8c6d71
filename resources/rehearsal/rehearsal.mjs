// The rehearsal: an agent that is scripted, shipped with the app and needs no account. It looks and behaves like the real
// ones: it lives in a terminal, reports through hooks, asks, commits, hangs, fails. Node alone, no dependencies.
//   rehearsal.mjs --scenario NAME --seed N --prompt-file FILE --session ID --state-dir DIR [--resume --message-file FILE]
//   rehearsal.mjs --headless --schema FILE [--scenario NAME]   (prompt on standard input, JSON on standard output)
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { answer } from './headless.mjs'
import { createKeyboard } from './keyboard.mjs'
import { openRepository } from './repository.mjs'
import { resume, scenarios } from './scenarios.mjs'
import { createScreen } from './screen.mjs'

const STEP_MS = 220
const SLOW_FACTOR = 8
/** A hook that takes longer is left behind, as the real agents do. */
const HOOK_MS = 3_000

const { values: options } = parseArgs({
  options: {
    scenario: { type: 'string', default: 'good' },
    seed: { type: 'string', default: '1' },
    'prompt-file': { type: 'string' },
    session: { type: 'string', default: 'rehearsal' },
    'state-dir': { type: 'string' },
    resume: { type: 'boolean', default: false },
    'message-file': { type: 'string' },
    headless: { type: 'boolean', default: false },
    schema: { type: 'string' },
  },
})

const asked = Number(process.env.QUARTET_REHEARSAL_PACE ?? '1')
const pace =
  (Number.isFinite(asked) && asked >= 0 ? asked : 1) * (options.scenario === 'slow' ? SLOW_FACTOR : 1)
/** The same seed gives the same rhythm; siblings do not move in step. */
const rhythm = 0.8 + ((Number(options.seed) * 7) % 5) / 10
const wait = (ms) => (pace === 0 ? Promise.resolve() : sleep(ms * pace * rhythm))

function createReporter(session, cwd) {
  const command = process.env.QUARTET_HOOK_COMMAND
  let queue = Promise.resolve()
  const run = (payload) =>
    new Promise((resolve) => {
      const [program, ...args] = JSON.parse(command)
      const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'ignore'] })
      const late = setTimeout(() => child.kill('SIGKILL'), HOOK_MS)
      const done = () => {
        clearTimeout(late)
        resolve()
      }
      child.on('error', done)
      child.on('exit', done)
      child.stdin.on('error', () => {})
      child.stdin.end(JSON.stringify(payload))
    })
  return {
    /** Reports in order, without holding up the play. */
    report(name, fields = {}) {
      if (!command) return
      const payload = { hook_event_name: name, session_id: session, cwd, ...fields }
      queue = queue.then(() => run(payload))
    },
    settled: () => queue,
  }
}

async function onStage() {
  const cwd = process.cwd()
  const stateFile = options['state-dir'] ? join(options['state-dir'], `${options.session}.json`) : null
  const before =
    options.resume && stateFile && existsSync(stateFile)
      ? JSON.parse(readFileSync(stateFile, 'utf8'))
      : { done: false }
  const remember = (done) => {
    if (!stateFile) return
    mkdirSync(options['state-dir'], { recursive: true, mode: 0o700 })
    writeFileSync(stateFile, JSON.stringify({ scenario: options.scenario, done }), { mode: 0o600 })
  }

  const prompt = options['prompt-file'] ? readFileSync(options['prompt-file'], 'utf8') : ''
  const message = options['message-file'] ? readFileSync(options['message-file'], 'utf8').trim() : ''
  const repo = openRepository(cwd)
  const screen = createScreen(process.stdout, wait)
  const { report, settled } = createReporter(options.session, cwd)
  const leave = async (code, reason) => {
    report('SessionEnd', { reason })
    await settled()
    screen.title('')
    screen.modes(false)
    keyboard.close()
    process.exitCode = code
    // Output that is still on its way to a pipe must get there; a terminal has it already.
    process.stdout.end(() => process.exit(code))
  }
  const keyboard = createKeyboard(process.stdin, {
    echo: (text) => listening && screen.echo(text),
    interrupt: () => {
      screen.line()
      screen.error('Interrupted.')
      // At once: what interrupts does not wait for hooks.
      screen.modes(false)
      process.exit(130)
    },
  })
  let listening = false

  const stage = {
    repo,
    screen,
    prompt,
    report,
    step(label, weight = 1) {
      // What it does, as real agents' titles say; its name stands in the head of its tile already.
      screen.title(label)
      return screen.spin(label, STEP_MS * weight)
    },
    async listen() {
      screen.prompt()
      listening = true
      const text = await keyboard.next()
      listening = false
      return text
    },
    async ask(question) {
      screen.question(question)
      screen.title('')
      report('Notification', { notification_type: 'question', message: question })
      const text = await stage.listen()
      if (text !== null) report('UserPromptSubmit', { prompt: text })
      return text
    },
    /** Keeps the process alive without doing anything. */
    forever: () => new Promise(() => setInterval(() => {}, 60_000)),
  }

  screen.modes(true)
  const branch = await repo.branch().catch((error) => {
    screen.error(error.message)
    return null
  })
  screen.banner([`Rehearsal · a scripted agent · ${options.scenario}`, cwd, branch ?? 'not a git repository'])
  report('SessionStart', { source: options.resume ? 'resume' : 'startup' })
  if (branch === null) return leave(1, 'error')
  const said = options.resume ? message : prompt
  if (said) {
    screen.user(said)
    report('UserPromptSubmit', { prompt: said.slice(0, 2_000) })
  }
  try {
    if (!options.resume) remember(false)
    const play = scenarios[options.scenario]
    if (!play) throw new Error(`There is no scenario “${options.scenario}”.`)
    const { code, last } = options.resume ? await resume(stage, message, before) : await play(stage, null)
    if (last) {
      screen.say(last)
      report(code === 0 ? 'Stop' : 'StopFailure', { last_assistant_message: last, error_details: last })
    }
    if (code === 0) remember(true)
    await leave(code, code === 0 ? 'done' : 'error')
  } catch (error) {
    screen.error(error.message)
    report('StopFailure', { error_details: error.message })
    await leave(1, 'error')
  }
}

async function headless() {
  let prompt = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) prompt += chunk
  const schema = JSON.parse(readFileSync(options.schema, 'utf8'))
  const { text, code } = await answer(options.scenario, prompt, schema)
  process.exitCode = code
  process[code === 0 ? 'stdout' : 'stderr'].write(`${text}\n`)
}

await (options.headless ? headless() : onStage())
