// Reports one event of an agent to Quartet: `quartet-hook.mjs SOURCE [--file DESCRIPTOR] [JSON]`; without JSON it reads
// standard input. It must never disturb the agent: no output (agents read a hook's output), exit code 0 always, and at
// most TOTAL_MS of the agent's time. The descriptor file is read at call time, because the socket of a core that was
// started anew may be another one than when the agent was started. A report that the listener does not confirm in time is left
// beside the descriptor: an agent may end its turn while the core starts again, and will not say so twice.
import { appendFileSync, closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'

/** Reading a slow agent's standard input is part of this. */
const TOTAL_MS = 1_000
/** Nobody listening shows at once, a listener that hangs after this. */
const CONFIRM_MS = 100
const MAX_INPUT_BYTES = 32 * 1024 * 1024
/** The listener refuses longer lines. */
const MAX_LINE_BYTES = 64 * 1024
const MAX_TEXT = 4_000
const MAX_ITEMS = 50
const MAX_DEPTH = 8
/** A core may stay away for days. Calls of tools say least, so that they leave room for the ends of turns. */
const MAX_MISSED_BYTES = 512 * 1024
const MAX_MISSED_TOOL_BYTES = MAX_MISSED_BYTES / 2
/** An answer of a model is a tenth of this at most. */
const MAX_TAIL_BYTES = 512 * 1024

const leave = () => process.exit(0)
process.on('uncaughtException', leave)
process.on('unhandledRejection', leave)
setTimeout(leave, TOTAL_MS)

/** Tool results can be megabytes: what tells nothing about the state is cut. */
function slim(value, max, depth = 0) {
  if (typeof value === 'string') return value.length > max ? `${value.slice(0, max)}…` : value
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return null
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => slim(item, max, depth + 1))
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ITEMS)
      .map(([key, item]) => [key, slim(item, key === 'tool_response' ? 200 : max, depth + 1)]),
  )
}

function lineOf(head, payload) {
  for (const max of [MAX_TEXT, 400, 40]) {
    const line = `${JSON.stringify({ ...head, payload: slim(payload, max) })}\n`
    if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line
  }
  const { hook_event_name, session_id, type } = payload
  return `${JSON.stringify({ ...head, payload: slim({ hook_event_name, session_id, type }, 200) })}\n`
}

async function readInput() {
  const chunks = []
  let size = 0
  for await (const chunk of process.stdin) {
    size += chunk.length
    if (size > MAX_INPUT_BYTES) leave()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/**
 * What the transcript says last, as `{ type, text }`; nothing when it cannot be read. Gemini CLI reports the end of a turn in the
 * same words whether the model answered, the request failed or the engineer broke it off; only its transcript tells them apart,
 * and only now: it goes on as soon as this program ends.
 */
function lastSaid(path) {
  try {
    const { size } = statSync(path)
    const tail = Buffer.alloc(Math.min(size, MAX_TAIL_BYTES))
    const file = openSync(path, 'r')
    readSync(file, tail, 0, tail.length, size - tail.length)
    closeSync(file)
    for (const line of tail.toString('utf8').split('\n').reverse()) {
      const entry = line.startsWith('{"id"') ? JSON.parse(line) : {}
      // Remarks on an error come after it.
      if (entry.type === 'info' && entry.content !== 'Request cancelled.') continue
      if (typeof entry.type === 'string')
        return { type: entry.type, text: typeof entry.content === 'string' ? entry.content : null }
    }
  } catch {
    // No transcript, or one that is written in another form.
  }
  return null
}

const [source = 'unknown', ...rest] = process.argv.slice(2)
const flag = rest.indexOf('--file')
const file = flag >= 0 ? rest.splice(flag, 2)[1] : process.env.QUARTET_HOOK_FILE
if (!file) leave()

const { socket: path, token } = JSON.parse(readFileSync(file, 'utf8'))
const payload = JSON.parse(rest[0] ?? (await readInput()))
// What a sub-agent does says nothing about whether the attempt works or waits.
if (typeof payload !== 'object' || payload === null) leave()
if (
  payload.agent_id ||
  payload.hook_event_name === 'SubagentStop' ||
  payload.hook_event_name === 'SubagentStart'
)
  leave()

if (payload.hook_event_name === 'AfterAgent' && typeof payload.transcript_path === 'string')
  payload.last_said = lastSaid(payload.transcript_path)

const head = { at: Date.now(), source }

/** In one write, because several hooks of an agent may run at once; without the token, because the file may outlive it. */
function leaveBehind() {
  const missed = join(dirname(file), 'missed.jsonl')
  const size = statSync(missed, { throwIfNoEntry: false })?.size ?? 0
  const isTool = /^((Pre|Post)ToolUse|(Before|After)Tool$)/.test(payload.hook_event_name)
  if (size < (isTool ? MAX_MISSED_TOOL_BYTES : MAX_MISSED_BYTES))
    appendFileSync(missed, lineOf(head, payload), { mode: 0o600 })
  leave()
}

const socket = connect(path)
socket.on('data', leave)
socket.on('error', leaveBehind)
socket.on('close', leaveBehind)
// By way of setImmediate: on a busy machine the answer may be there at the very moment when the timer fires.
setTimeout(() => setImmediate(leaveBehind), CONFIRM_MS)
socket.end(lineOf({ ...head, token }, payload))
