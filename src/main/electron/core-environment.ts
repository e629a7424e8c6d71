/** What changes how Node or Electron itself runs: meant for the process that we are, not for the one that we start. */
const OURS: ReadonlySet<string> = new Set([
  'NODE_OPTIONS',
  'NODE_REPL_EXTERNAL_MODULE',
  'NODE_V8_COVERAGE',
  'ELECTRON_RUN_AS_NODE',
  'ELECTRON_NO_ATTACH_CONSOLE',
  'ELECTRON_RENDERER_URL',
  'ELECTRON_ENABLE_LOGGING',
])

/** The environment of the core's process. */
export function coreEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !OURS.has(entry[0]),
    ),
  )
}
