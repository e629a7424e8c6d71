import { parseArgs } from 'node:util'
import { createCore } from '../core/core.ts'
import { systemClock } from '../kernel/clock.ts'
import { packageRoot, packageVersion } from '../kernel/package-root.ts'
import { serveParent } from './core-server.ts'
import { DESKTOP_CAPABILITIES } from './desktop-capabilities.ts'

// The utility process: the core, away from the windows, so that no git and no disk can freeze them. It imports no electron.

const { values } = parseArgs({
  options: { 'data-dir': { type: 'string' }, 'node-path': { type: 'string' } },
})
const root = packageRoot(import.meta.dirname)

await serveParent(process.parentPort, {
  createCore,
  dataDir: values['data-dir'] ?? '',
  port: null,
  root,
  version: packageVersion(root),
  host: 'electron',
  capabilities: DESKTOP_CAPABILITIES,
  nodePath: values['node-path'] ?? process.execPath,
  env: process.env,
  clock: systemClock,
})
// The last message to main must leave before the process does.
setTimeout(() => process.exit(0), 200)
