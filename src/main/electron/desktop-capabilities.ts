import type { HostCapabilities } from '../../shared/domain/host.ts'

/** What this host adds to the product; the rest is the same everywhere. */
export const DESKTOP_CAPABILITIES: HostCapabilities = {
  folderDialog: true,
  notifications: 'native',
  globalShortcut: false,
  revealInFileManager: true,
}
