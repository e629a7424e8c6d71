import { join, resolve } from 'node:path'
import { systemClock } from '../../kernel/clock.ts'
import type { CoreOptions } from '../options.ts'

const root = resolve(import.meta.dirname, '../../../..')

/** What a core of a test is made with: a real pty-host from the sources, and no git configuration but the repository's own. */
export function testCoreOptions(own: Pick<CoreOptions, 'dataDir' | 'log' | 'redactor'>): CoreOptions {
  return {
    ...own,
    host: 'web',
    capabilities: {
      folderDialog: false,
      notifications: 'browser',
      globalShortcut: false,
      revealInFileManager: false,
    },
    version: '0.0.0-test',
    resourcesDir: join(root, 'resources'),
    ptyHostEntry: join(root, 'src/main/pty-host/entry.ts'),
    nodePath: process.execPath,
    env: { ...process.env, QUARTET_REHEARSAL_PACE: '0', GIT_CONFIG_GLOBAL: '/dev/null' },
    clock: systemClock,
  }
}
