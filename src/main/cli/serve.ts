import { spawn } from 'node:child_process'
import { type Command, number, text } from './command.ts'

export const serve: Command = {
  name: 'serve',
  synopsis: '[--port P]',
  about: 'serve the control room to a browser, in the foreground',
  details: `--port P   a fixed port (default: a free one)
With --json one line {"url","token","pid","dataDir"} is printed when it is ready.`,
  options: { port: { type: 'string' } },
  positionals: { min: 0, max: 0 },
  async run(context, _positionals, values) {
    number(values, 'port', { min: 0, max: 65_535 })
    const port = text(values, 'port')
    const args = [context.webEntry, '--data-dir', context.dataDir]
    if (port !== undefined) args.push('--port', port)
    if (context.json) args.push('--json')
    const child = spawn(context.node, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...context.io.env },
    })
    // Only us may be told to end (a supervisor): the host must end with us.
    const end = () => child.kill('SIGTERM')
    context.io.signal.addEventListener('abort', end, { once: true })
    try {
      return await new Promise<number>((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (code) => resolve(code ?? (context.io.signal.aborted ? 0 : 1)))
      })
    } finally {
      context.io.signal.removeEventListener('abort', end)
    }
  },
}
