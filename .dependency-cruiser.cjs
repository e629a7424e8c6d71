// The walls of the house (docs/ARCHITECTURE.md). An import that is refused here means that the design is wrong somewhere:
// move the code to its room, do not cut a door.
const below = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^src/', pathNot: allowed },
})

/** Adapters know no peer: each reports through callbacks to the services above. */
const ADAPTERS = ['db', 'git', 'forge', 'pty', 'agents']
const SERVICES = ['repositories', 'tasks', 'attempts', 'review', 'landing', 'history']

module.exports = {
  forbidden: [
    { name: 'no-circles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'electron-only-in-electron',
      severity: 'error',
      comment: 'Core runs in a plain Node process too; only the shell and the preload may import electron.',
      from: { path: '^src/', pathNot: '^src/(main/electron|preload)/' },
      to: { path: '(^electron$|node_modules/electron/)' },
    },
    {
      name: 'shared-and-renderer-are-portable',
      severity: 'error',
      comment: 'They run in a browser: no Node built-ins.',
      from: { path: '^src/(shared|renderer)/', pathNot: '\\.test\\.tsx?$' },
      to: { dependencyTypes: ['core'] },
    },
    below('shared-sees-itself', '^src/shared/', '^src/shared/'),
    below('renderer-sees-shared', '^src/(renderer|preload)/', '^src/(renderer|preload|shared)/'),
    below('kernel-sees-shared', '^src/main/kernel/', '^src/(shared|main/kernel)/'),
    below(
      'pty-protocol-sees-kernel',
      '^src/main/pty-protocol/',
      '^src/(shared|main/kernel|main/pty-protocol)/',
    ),
    below(
      'pty-host-is-small',
      '^src/main/pty-host/',
      '^src/(shared|main/kernel|main/pty-protocol|main/pty-host)/',
    ),
    below(
      'screens-see-the-protocol',
      '^src/main/screens/',
      '^src/(shared|main/(kernel|pty-protocol|screens))/',
    ),
    {
      name: 'pty-host-parses-nothing',
      severity: 'error',
      comment:
        'It forks, which costs in proportion to its memory, and echoes pass through it: emulators live in screens.',
      from: { path: '^src/main/pty-host/', pathNot: '(\\.test|/test-[a-z-]+)\\.ts$' },
      to: { path: 'node_modules/@xterm/|^src/main/pty-protocol/graphemes' },
    },
    below('core-is-hostless', '^src/main/core/', '^src/(shared|main/(kernel|pty-protocol|core))/'),
    below(
      'hosts-know-no-peer-electron',
      '^src/main/electron/',
      '^src/(shared|main/(kernel|pty-protocol|core|electron))/',
    ),
    below('hosts-know-no-peer-web', '^src/main/web/', '^src/(shared|main/(kernel|pty-protocol|core|web))/'),
    below('hosts-know-no-peer-cli', '^src/main/cli/', '^src/(shared|main/(kernel|pty-protocol|core|cli))/'),
    ...ADAPTERS.map((name) =>
      below(
        `adapter-${name}-knows-no-peer`,
        `^src/main/core/${name}/`,
        `^src/(shared|main/(kernel|pty-protocol|core/${name}))/`,
      ),
    ),
    {
      name: 'services-sit-below-the-api',
      severity: 'error',
      from: { path: `^src/main/core/(${SERVICES.join('|')})/`, pathNot: '\\.test\\.ts$' },
      to: { path: '^src/main/core/(api/|core\\.ts)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.(css|svg|woff2)$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.tsx', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
}
