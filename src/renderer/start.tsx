import { createRoot } from 'react-dom/client'
import { App } from './App.tsx'
import { type App as AppServices, callOrToast, coreOf } from './connection/app-context.ts'
import type { Connection, CoreSession } from './connection/connection.ts'
import { syncState } from './connection/sync.ts'
import { useHost } from './state/host.ts'
import { sessionHooks } from './terminal/session-hooks.ts'
import { TerminalPool } from './terminal/terminal-pool.ts'
import { terminalTheme } from './terminal/terminal-theme.ts'
import { followTheme } from './ui/theme.ts'

/** xterm measures its font once: with the fallback it would be measured wrongly. */
const TERMINAL_FONT = '13px "JetBrains Mono Variable"'
const DEFAULT_FONT_SIZE = 13

/** Puts the window together and keeps it with the core of `connection`, whichever life of it there is. */
export function start(root: HTMLElement, connection: Connection): void {
  const services: AppServices = {
    connection,
    core: () => coreOf(connection),
    terminals: new TerminalPool(
      { fontSize: DEFAULT_FONT_SIZE, theme: terminalTheme(document) },
      sessionHooks(() => services.terminals),
    ),
  }
  const applyLook = () =>
    services.terminals.setLook({
      fontSize: useHost.getState().settings?.fontSize ?? DEFAULT_FONT_SIZE,
      theme: terminalTheme(document),
    })
  followTheme(document, applyLook)
  useHost.subscribe((state, before) => {
    if (state.settings?.fontSize !== before.settings?.fontSize) applyLook()
  })
  void document.fonts.load(TERMINAL_FONT).then(applyLook)

  const clientId = crypto.randomUUID()
  let session: CoreSession | null = null
  let leave = () => {}
  const follow = () => {
    const state = connection.get()
    const next = state.phase === 'ready' ? state.session : null
    if (next === session) return
    leave()
    session = next
    services.terminals.bind(next?.terminals ?? null)
    if (!next) return
    const stop = new AbortController()
    leave = () => stop.abort()
    void syncState(next.rpc, clientId, stop.signal)
    void learnHost(next)
  }
  connection.subscribe(follow)
  follow()
  createRoot(root).render(<App services={services} />)
}

async function learnHost({ rpc }: CoreSession): Promise<void> {
  const [info, settings] = await Promise.all([
    callOrToast(() => rpc.system.info()),
    callOrToast(() => rpc.system.settings()),
  ])
  useHost.setState({ info, settings })
  const agents = await callOrToast(() => rpc.system.agents({}))
  if (agents) useHost.setState({ agents })
}
