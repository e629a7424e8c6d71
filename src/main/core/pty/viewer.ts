import {
  type ClientFrame,
  decodeClientFrame,
  encodeServerFrame,
  type ServerFrame,
} from '../../../shared/contract/terminal-frames.ts'
import { isFailure, messageOf } from '../../../shared/domain/failure.ts'
import type { Disposable } from '../../kernel/disposable.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { PtyAttachment, PtySink } from '../../pty-protocol/pty-host.ts'
import { type Account, CreditBudget, type Share } from './credit-budget.ts'
import { SizeOwners } from './size-owners.ts'
import type { TerminalRegistry } from './terminal.ts'
import type { TerminalChannel } from './terminal-channel.ts'

/** Views of one channel; a grid shows a few dozen. */
const MAX_VIEWS = 256
const MAX_COLS = 500
const MAX_ROWS = 300

/** Size ownership spans all channels of one registry. */
const owners = new WeakMap<TerminalRegistry, SizeOwners>()

export interface ConnectViewerOptions {
  channel: TerminalChannel
  terminals: TerminalRegistry
  log: Logger
  /** Hears what a person typed, once the program has it. */
  onInput?: (terminalId: string, bytes: Uint8Array) => void
}

interface View {
  viewId: number
  terminalId: string
  writer: string
  focused: boolean
  visible: boolean
  account: Account
  attachment: PtyAttachment
  /** Sent and not yet acknowledged. */
  unacked: number
}

/** Serves one client of terminal bytes until its channel closes; a damaged frame closes it. */
export function connectViewer(options: ConnectViewerOptions): Disposable {
  const { channel, terminals, log } = options
  const sizes = owners.get(terminals) ?? new SizeOwners()
  owners.set(terminals, sizes)
  const budget = new CreditBudget()
  const views = new Map<number, View>()
  let closed = false

  const send = (frame: ServerFrame) => {
    if (!closed) channel.send(encodeServerFrame(frame))
  }
  const sendError = (viewId: number, error: unknown) => {
    if (!isFailure(error)) log.error('a terminal view failed', { error })
    const code = isFailure(error) ? error.code : 'pty_failed'
    send({
      kind: 'error',
      viewId,
      code,
      message: isFailure(error) ? error.message : 'Something went wrong with this terminal.',
    })
  }

  const grantAll = () => {
    for (const view of views.values()) {
      const bytes = budget.grant(view.account)
      if (bytes > 0) view.attachment.grant(bytes)
    }
  }

  const sendBytes = (view: View, frame: Extract<ServerFrame, { bytes: Uint8Array }>) => {
    view.unacked += frame.bytes.length
    send(frame)
  }

  const sinkOf = (viewId: number, viewOf: () => View | null): PtySink => ({
    screen(screen) {
      const view = viewOf()
      if (!view) return
      const { mode, epoch, offset, cols, rows } = screen
      send({ kind: 'opened', viewId, mode, epoch, offset, cols, rows })
      if (mode === 'snapshot') sendBytes(view, { kind: 'snapshot', viewId, bytes: screen.data })
    },
    output(offset, bytes) {
      const view = viewOf()
      if (view) sendBytes(view, { kind: 'output', viewId, offset, bytes })
    },
    resized: (cols, rows) => send({ kind: 'resized', viewId, cols, rows }),
    exited: ({ code, signal, reason, offset }) =>
      send({ kind: 'exited', viewId, exitCode: code, signal, reason, offset }),
    failed(error) {
      sendError(viewId, error)
      const view = viewOf()
      if (view) drop(view)
    },
  })

  const applySize = (terminalId: string, size: { cols: number; rows: number } | null) => {
    if (!size) return
    terminals.resize(terminalId, size.cols, size.rows).catch((error: unknown) => {
      log.debug('a terminal could not be resized', { terminalId, message: messageOf(error) })
    })
  }

  const wishSize = (view: View, cols: number, rows: number) => {
    if (cols < 2 || rows < 2) return
    applySize(
      view.terminalId,
      sizes.wish(view.terminalId, view, { cols: Math.min(cols, MAX_COLS), rows: Math.min(rows, MAX_ROWS) }),
    )
  }

  const drop = (view: View) => {
    if (!views.delete(view.viewId)) return
    view.attachment.close()
    budget.close(view.account)
    applySize(view.terminalId, sizes.leave(view.terminalId, view))
  }

  const open = (frame: Extract<ClientFrame, { kind: 'open' }>) => {
    const { viewId, terminalId, writer, focused, visible } = frame
    const old = views.get(viewId)
    if (old) drop(old)
    if (views.size >= MAX_VIEWS) {
      send({ kind: 'error', viewId, code: 'limit', message: 'Too many terminals are open in this window.' })
      return
    }
    let view: View | null = null
    const sink = sinkOf(viewId, () => (view && views.get(viewId) === view ? view : null))
    const attachment = terminals.attach(terminalId, frame.from, sink)
    view = {
      viewId,
      terminalId,
      writer,
      focused,
      visible,
      attachment,
      account: budget.open(shareOf(focused, visible)),
      unacked: 0,
    }
    views.set(viewId, view)
    if (focused) sizes.focus(terminalId, view)
    wishSize(view, frame.cols, frame.rows)
    grantAll()
  }

  const type = async (view: View, seq: number, bytes: Uint8Array) => {
    try {
      await terminals.write(view.terminalId, { writer: view.writer, seq, bytes })
      send({ kind: 'inputAck', viewId: view.viewId, seq })
      options.onInput?.(view.terminalId, bytes)
    } catch (error) {
      sendError(view.viewId, error)
    }
  }

  const refocus = (view: View, focused: boolean, visible: boolean) => {
    const gained = focused && !view.focused
    view.focused = focused
    view.visible = visible
    view.account.share = shareOf(focused, visible)
    if (gained) applySize(view.terminalId, sizes.focus(view.terminalId, view))
    grantAll()
  }

  const handle = (frame: ClientFrame) => {
    if (frame.kind === 'open') {
      open(frame)
      return
    }
    const view = views.get(frame.viewId)
    // Frames to a view that has just ended cross its last frame on the way.
    if (!view) return
    switch (frame.kind) {
      case 'close':
        drop(view)
        grantAll()
        break
      case 'ack': {
        // A client cannot acknowledge more than it got, and so not open its window wider.
        const bytes = Math.min(frame.bytes, view.unacked)
        view.unacked -= bytes
        budget.acknowledge(view.account, bytes)
        grantAll()
        break
      }
      case 'input':
        void type(view, frame.seq, frame.bytes.slice())
        break
      case 'resize':
        wishSize(view, frame.cols, frame.rows)
        break
      case 'focus':
        refocus(view, frame.focused, frame.visible)
        break
    }
  }

  const stop = () => {
    if (closed) return
    closed = true
    for (const view of [...views.values()]) drop(view)
  }

  channel.onMessage((bytes) => {
    if (closed) return
    let frame: ClientFrame
    try {
      frame = decodeClientFrame(bytes)
    } catch (error) {
      log.warn('a client sent a damaged terminal frame', { message: messageOf(error) })
      stop()
      channel.close()
      return
    }
    handle(frame)
  })
  channel.onClose(stop)
  return {
    dispose() {
      stop()
      channel.close()
    },
  }
}

function shareOf(focused: boolean, visible: boolean): Share {
  return !visible ? 'hidden' : focused ? 'focused' : 'visible'
}
