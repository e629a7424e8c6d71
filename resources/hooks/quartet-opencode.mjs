// Reports what OpenCode does to Quartet. OpenCode loads this file as a plugin for one launch (`plugin: [[URL, options]]` in
// OPENCODE_CONFIG_CONTENT) and calls it inside its own process, so it must never throw, never print and never wait where
// OpenCode waits for it. It boils OpenCode's many events down to the few words of the other agents' hooks and hands each to the
// hook program, one after the other: their order is what a turn's status is read from.
//
// Options: `command`, argv of the hook program; `resume`, a message that continues a conversation: `--prompt` is ignored by
// OpenCode beside `--session`, so it is sent from here, and its file is removed first, so that it is sent once; `bare`, settings
// of the repository that do not name their schema, each with what it begins with: OpenCode writes the name into them when it
// reads them, just before it loads us, and that must not become a part of the attempt.
import { spawn } from 'node:child_process'
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs'

/** The hook program takes at most one second of its own; this is for a machine that is very busy. */
const HOOK_MS = 5_000
/** Calls of tools beyond this many unsent reports say nothing new. */
const MAX_WAITING = 20
/** A process has one conversation and some of sub-agents; older ones are asked for again. */
const MAX_SESSIONS = 500
/** An interface that is being closed waits this long for the last report. */
const LAST_WORD_MS = 2_000
const MAX_TITLE = 70
const MAX_TEXT = 8_000

/** Runs the hook program for each payload in turn. */
function reporter(command) {
  let last = Promise.resolve()
  let waiting = 0
  const run = (payload) =>
    new Promise((done) => {
      const child = spawn(command[0], command.slice(1), { stdio: ['pipe', 'ignore', 'ignore'] })
      const late = setTimeout(() => child.kill('SIGKILL'), HOOK_MS)
      const end = () => {
        clearTimeout(late)
        done()
      }
      child.on('error', end)
      child.on('exit', end)
      child.stdin.on('error', () => {})
      child.stdin.end(JSON.stringify(payload))
    })
  const report = (payload) => {
    if (waiting >= MAX_WAITING && payload.hook_event_name === 'PreToolUse') return
    waiting++
    last = last
      .then(() => run(payload))
      .catch(() => {})
      .then(() => {
        waiting--
      })
  }
  return { report, sent: () => last }
}

const SCHEMA_ADDED = '{\n  "$schema": "https://opencode.ai/config.json",'

/** Takes the name of the schema out of a file again, if OpenCode put it there. */
function undoSchema({ file, begin }) {
  try {
    const text = readFileSync(file, 'utf8')
    if (text.startsWith(SCHEMA_ADDED)) writeFileSync(file, begin + text.slice(SCHEMA_ADDED.length))
  } catch {
    // The agent may have removed it meanwhile.
  }
}

const short = (text) => String(text ?? '').slice(0, MAX_TEXT)

/** The first line that says something, without marks of Markdown. */
const titleOf = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/^[\s#>*-]+/, '').trim())
    .find((line) => line !== '')
    ?.slice(0, MAX_TITLE)

const freshTurn = () => ({ open: true, message: null, text: '', finish: null, error: null })

/** The plugin: OpenCode calls every function that this file exports. */
export const Quartet = async ({ client }, { command, resume = null, bare = [] }) => {
  bare.forEach(undoSchema)
  const { report, sent } = reporter(command)
  /** By session id: its parent, null for one of the engineer; whether OpenCode named it itself. */
  const sessions = new Map()
  const turns = new Map()
  const failedCalls = new Set()
  /** Dialogs that wait for an answer, in the order in which the interface shows them: one at a time. */
  const dialogs = new Map()
  let shown = null

  // One thing after the other: some need to ask OpenCode first, and none may overtake another.
  let work = Promise.resolve()
  const next = (take) => {
    work = work.then(take).catch(() => {})
  }

  const learn = (info) => {
    sessions.set(info.id, {
      parent: info.parentID ?? null,
      unnamed: String(info.title).startsWith('New session'),
    })
    for (const eldest of sessions.keys()) {
      if (sessions.size <= MAX_SESSIONS) break
      sessions.delete(eldest)
      turns.delete(eldest)
    }
  }
  /** True for a sub-agent's session: what it does says nothing about whether the attempt works or waits. */
  const isSub = async (id) => {
    if (!sessions.has(id)) {
      const { data } = await client.session.get({ path: { id } })
      if (data) learn(data)
    }
    return (sessions.get(id)?.parent ?? null) !== null
  }

  const showDialog = () => {
    const first = dialogs.keys().next().value ?? null
    if (first === shown) return
    shown = first
    if (first !== null) report(dialogs.get(first))
  }
  const closeDialog = (id, goesOn) => {
    if (!dialogs.delete(id)) return
    showDialog()
    // Its tool runs now, perhaps for long: it works again.
    if (goesOn && shown === null) report({ hook_event_name: 'PostToolUse' })
  }

  const beginTurn = async (sessionID, parts) => {
    if (await isSub(sessionID)) return
    const text = parts
      .filter((part) => part.type === 'text' && !part.synthetic)
      .map((part) => part.text)
      .join('\n')
    turns.set(sessionID, freshTurn())
    report({ hook_event_name: 'UserPromptSubmit', session_id: sessionID, prompt: short(text) })
    const session = sessions.get(sessionID)
    const title = titleOf(text)
    if (!session?.unnamed || !title) return
    session.unnamed = false
    // OpenCode's own titles are turned off for this launch: each is a request to a model that it counts nowhere.
    await client.session.update({ path: { id: sessionID }, body: { title } })
  }

  const endTurn = async (sessionID) => {
    const turn = turns.get(sessionID)
    // It may say twice that it is idle.
    if (!turn?.open || (await isSub(sessionID))) return
    turn.open = false
    const { error, finish, text } = turn
    const said = { session_id: sessionID, last_assistant_message: short(text) || null }
    if (error && error.name !== 'MessageAbortedError')
      report({ hook_event_name: 'StopFailure', error_details: short(error.data?.message ?? error.name) })
    // After a refused permission the turn ends where the model would have gone on.
    else if (error || !finish || finish === 'tool-calls') report({ hook_event_name: 'Interrupt' })
    else report({ hook_event_name: 'Stop', ...said })
  }

  const onMessage = (info) => {
    const turn = turns.get(info.sessionID)
    if (!turn || info.role !== 'assistant') return
    if (turn.message !== info.id) Object.assign(turn, { message: info.id, text: '' })
    turn.finish = info.finish ?? null
    turn.error = info.error ?? null
  }

  const onPart = async (part) => {
    const turn = turns.get(part.sessionID)
    if (!turn) return
    if (part.type === 'text' && part.messageID === turn.message) turn.text = part.text
    if (part.type !== 'tool' || part.state?.status !== 'error' || failedCalls.has(part.callID)) return
    failedCalls.add(part.callID)
    if (failedCalls.size > MAX_SESSIONS) failedCalls.clear()
    if (!(await isSub(part.sessionID)))
      report({ hook_event_name: 'PostToolUseFailure', tool_name: part.tool })
  }

  /** Takes one event of OpenCode's; null for kinds that say nothing to us, which are most. */
  const taker = ({ type, properties }) => {
    switch (type) {
      case 'session.created':
      case 'session.updated':
        return () => learn(properties.info)
      case 'message.updated':
        return () => onMessage(properties.info)
      case 'message.part.updated':
        return () => onPart(properties.part)
      case 'permission.asked':
        // That of a sub-agent is answered in the same interface.
        return () => {
          const { id, permission, patterns = [], metadata = {} } = properties
          const { command: line, filepath, url } = metadata
          const about = { permission, patterns: patterns.slice(0, 20), command: line, filepath, url }
          dialogs.set(id, { hook_event_name: 'PermissionRequest', ...about })
          showDialog()
        }
      case 'permission.replied':
        return () => closeDialog(properties.requestID, properties.reply !== 'reject')
      case 'question.asked':
        return () => {
          dialogs.set(properties.id, { hook_event_name: 'Question', questions: properties.questions })
          showDialog()
        }
      case 'question.replied':
        return () => closeDialog(properties.requestID, true)
      case 'question.rejected':
        return () => closeDialog(properties.requestID, false)
      case 'session.status':
        if (properties.status.type !== 'retry') return null
        return async () => {
          const { message, next: until } = properties.status
          if (await isSub(properties.sessionID)) return
          report({ hook_event_name: 'Retry', message: short(message), next: until })
        }
      case 'session.error':
        return () => {
          const turn = turns.get(properties.sessionID)
          if (turn) turn.error = properties.error
        }
      case 'session.compacted':
        return async () => {
          if (!(await isSub(properties.sessionID))) report({ hook_event_name: 'PreCompact' })
        }
      case 'session.idle':
        return () => endTurn(properties.sessionID)
      default:
        return null
    }
  }

  report({ hook_event_name: 'SessionStart' })
  if (resume) {
    // Not before OpenCode has all its plugins: it cannot answer while it waits for them.
    setTimeout(() => {
      next(async () => {
        const text = readFileSync(resume.file, 'utf8')
        unlinkSync(resume.file)
        const { sessionID, model } = resume
        const body = { parts: [{ type: 'text', text }], ...(model ? { model } : {}) }
        await client.session.promptAsync({ path: { id: sessionID }, body })
      })
    }, 0)
  }

  return {
    event: async ({ event }) => {
      const take = taker(event)
      if (take) next(take)
    },
    'chat.message': async ({ sessionID }, { parts }) => {
      next(() => beginTurn(sessionID, parts))
    },
    'tool.execute.before': async ({ tool, sessionID }) => {
      next(async () => {
        if (!(await isSub(sessionID))) report({ hook_event_name: 'PreToolUse', tool_name: tool })
      })
    },
    dispose: async () => {
      await work
      report({ hook_event_name: 'SessionEnd' })
      await Promise.race([sent(), new Promise((done) => setTimeout(done, LAST_WORD_MS))])
    },
  }
}
