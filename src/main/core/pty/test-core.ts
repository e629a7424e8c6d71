import { silentLogger } from '../../kernel/logger.ts'
import type { KnownTerminal } from './terminal.ts'
import { openTerminals } from './test-terminals.ts'
import { wireChannel } from './test-wire.ts'
import { connectViewer } from './viewer.ts'

/**
 * A core that adopts one terminal and shows it to the window at the other end of its standard streams: `test-core DATA_DIR
 * KNOWN_TERMINAL`. Tests kill it at random moments.
 */
const [dataDir = '', json = ''] = process.argv.slice(2)
const known: KnownTerminal = JSON.parse(json)
const terminals = openTerminals(dataDir)
const channel = wireChannel(process.stdin, process.stdout)
const { adopted } = await terminals.adopt([known])
if (adopted.length !== 1) throw new Error('the terminal was not found again')
channel.onClose(() => process.exit(0))
connectViewer({ channel, terminals, log: silentLogger })
