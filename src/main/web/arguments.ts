import { parseArgs } from 'node:util'
import { Failure, messageOf } from '../../shared/domain/failure.ts'
import { defaultDataDir } from '../kernel/paths.ts'

export interface WebArguments {
  dataDir: string
  port: number | null
  json: boolean
  exitWhenIdle: boolean
}

export const USAGE = `Serves Quartet's control room on 127.0.0.1.

  --data-dir D       where Quartet keeps its data (default: QUARTET_DATA_DIR, else the platform's place)
  --port P           exactly this port (default: the one of the last run, else a free one)
  --json             print one line {"url","token","pid","dataDir"} when ready
  --exit-when-idle   end after some minutes without work and without clients`

/** Throws `invalid_input` with a sentence for a wrong command line. */
export function parseWebArguments(argv: readonly string[], env: NodeJS.ProcessEnv): WebArguments {
  let values: ReturnType<typeof parse>['values']
  try {
    values = parse(argv).values
  } catch (error) {
    throw new Failure('invalid_input', messageOf(error))
  }
  const port = values.port === undefined ? null : Number(values.port)
  if (port !== null && (!Number.isInteger(port) || port < 0 || port > 65_535)) {
    throw new Failure('invalid_input', `“${values.port}” is no port: a number from 0 to 65535 is needed.`)
  }
  return {
    dataDir: values['data-dir'] ?? defaultDataDir(env),
    port,
    json: values.json ?? false,
    exitWhenIdle: values['exit-when-idle'] ?? false,
  }
}

function parse(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      'data-dir': { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean' },
      'exit-when-idle': { type: 'boolean' },
    },
  })
}
