import type { KnownTerminal } from './terminal.ts'
import { openTerminals } from './test-terminals.ts'

/**
 * A core that adopts one terminal and then reads, types and resizes it without end: `test-core DATA_DIR KNOWN_TERMINAL`.
 * Tests kill it at random moments.
 */
const [dataDir = '', json = ''] = process.argv.slice(2)
const known: KnownTerminal = JSON.parse(json)
const terminals = openTerminals(dataDir)
await terminals.adopt([known])
const attachment = terminals.attach(known.id, null, {
  screen: (screen) => attachment.grant(screen.data.length),
  output: (_offset, bytes) => attachment.grant(bytes.length),
  resized: () => {},
  exited: () => process.exit(0),
  failed: () => process.exit(1),
})
attachment.grant(256 * 1024)
process.stdout.write('working\n')
for (let turn = 1; ; turn++) {
  // The program reads nothing; what piles up is refused in the end, which must not disturb anything.
  const bytes = Buffer.from('typed')
  await terminals.write(known.id, { writer: `core-${process.pid}`, seq: turn, bytes }).catch(() => {})
  await terminals.resize(known.id, 80 + (turn % 20), 24 + (turn % 10))
}
