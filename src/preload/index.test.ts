import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { DESKTOP_CHANNELS } from '../shared/contract/desktop-channels.ts'

// The preload against a DOUBLE of the `electron` module and of the window: neither Electron's binary nor a browser is
// needed to see what it says and to whom.

type Listener = (event: { source: unknown; data: unknown }) => void

const electron = {
  exposed: {} as Record<string, Record<string, (...args: unknown[]) => unknown>>,
  sent: [] as unknown[][],
  invoked: [] as unknown[][],
  listeners: new Map<string, (event: { ports: unknown[] }) => void>(),
}
vi.mock('electron', () => ({
  contextBridge: {
    exposeInMainWorld: (name: string, api: Record<string, () => unknown>) => {
      electron.exposed[name] = api
    },
  },
  ipcRenderer: {
    send: (...args: unknown[]) => electron.sent.push(args),
    invoke: async (...args: unknown[]) => electron.invoked.push(args),
    on: (channel: string, listener: (event: { ports: unknown[] }) => void) =>
      electron.listeners.set(channel, listener),
  },
  webUtils: { getPathForFile: (file: { name: string }) => `/dropped/${file.name}` },
}))

let page: { listeners: Listener[]; posted: unknown[][]; location: { origin: string } }

beforeEach(async () => {
  electron.exposed = {}
  electron.sent = []
  electron.invoked = []
  electron.listeners.clear()
  page = { listeners: [], posted: [], location: { origin: 'app://quartet' } }
  vi.stubGlobal('window', {
    location: page.location,
    addEventListener: (_type: string, listener: Listener) => page.listeners.push(listener),
    postMessage: (...args: unknown[]) => page.posted.push(args),
  })
  vi.resetModules()
  await import('./index.ts')
})
afterEach(() => vi.unstubAllGlobals())

const say = (event: { source: unknown; data: unknown }) => {
  for (const listener of page.listeners) listener(event)
}

it('passes a request of its own page on, and of nobody else', () => {
  say({ source: window, data: { type: DESKTOP_CHANNELS.requestPorts } })
  expect(electron.sent).toEqual([[DESKTOP_CHANNELS.requestPorts]])
  say({ source: {}, data: { type: DESKTOP_CHANNELS.requestPorts } })
  say({ source: null, data: { type: DESKTOP_CHANNELS.requestPorts } })
  say({ source: window, data: { type: 'something else' } })
  say({ source: window, data: null })
  say({ source: window, data: 'text' })
  expect(electron.sent).toHaveLength(1)
})

it('hands the two ports to its page, to its origin only', () => {
  const ports = [{ name: 'rpc' }, { name: 'terminals' }]
  electron.listeners.get(DESKTOP_CHANNELS.ports)?.({ ports })
  expect(page.posted).toEqual([[{ type: DESKTOP_CHANNELS.ports }, 'app://quartet', ports]])
})

it('shows the page a few functions, frozen, and nothing of Electron', async () => {
  const api = electron.exposed.quartet ?? {}
  expect(Object.keys(electron.exposed)).toEqual(['quartet'])
  expect(Object.isFrozen(api)).toBe(true)
  expect(Object.keys(api).sort()).toEqual(['chooseFolder', 'pathForFile', 'reveal', 'setBadge'])
  for (const member of Object.values(api)) expect(typeof member).toBe('function')
  expect(api.pathForFile?.({ name: 'a b' })).toBe('/dropped/a b')
  // A page cannot smuggle more than what is declared.
  await api.chooseFolder?.({ defaultPath: '/etc' })
  await api.reveal?.('/x', 'more')
  expect(electron.invoked).toEqual([[DESKTOP_CHANNELS.chooseFolder], [DESKTOP_CHANNELS.reveal, '/x']])
})
