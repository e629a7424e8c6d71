// Reports one event of an agent to Quartet: `quartet-hook.mjs SOURCE [--file DESCRIPTOR] [JSON]`; without JSON it reads
// standard input. It must never disturb the agent: no output (agents read a hook's output), exit code 0 always, and at
// most TOTAL_MS of the agent's time. The descriptor file is read at call time, because the socket of a core that was
// started anew may be another one than when the agent was started.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** Reading a slow agent's standard input is part of this. */
const TOTAL_MS = 1_000
/** From here on only the connection counts; nobody listening shows at once, a hung listener after this. */
const CONNECT_MS = 100
const MAX_INPUT_BYTES = 32 * 1024 * 1024
/** The listener refuses longer lines. */
const MAX_LINE_BYTES = 64 * 1024
const MAX_TEXT = 4_000
const MAX_ITEMS = 50
const MAX_DEPTH = 8

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

function lineOf(token, source, payload) {
  for (const max of [MAX_TEXT, 400, 40]) {
    const line = `${JSON.stringify({ token, source, payload: slim(payload, max) })}\n`
    if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line
  }
  const { hook_event_name, session_id, type } = payload
  return `${JSON.stringify({ token, source, payload: slim({ hook_event_name, session_id, type }, 200) })}\n`
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

const socket = connect(path)
socket.on('error', leave)
// By way of setImmediate: on a busy machine the connection may be ready at the very moment when the timer fires.
setTimeout(() => setImmediate(leave), CONNECT_MS)
socket.end(lineOf(token, source, payload), leave)
