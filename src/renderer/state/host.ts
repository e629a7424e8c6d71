import { create } from 'zustand'
import type { AgentInfo, SystemInfo } from '../../shared/domain/host.ts'
import type { Settings } from '../../shared/domain/settings.ts'

/** What the core said about itself, this machine and the settings; null until it did. */
interface HostState {
  info: SystemInfo | null
  agents: readonly AgentInfo[] | null
  settings: Settings | null
}

export const useHost = create<HostState>(() => ({ info: null, agents: null, settings: null }))
