import { spawn } from 'node:child_process'

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Runs reference and subject in turn, `rounds` times; both orders take part, so that neither always comes second. */
export async function interleave<R, S>(
  rounds: number,
  reference: (round: number) => Promise<R>,
  subject: (round: number) => Promise<S>,
  /** Asked before every round but the first. */
  mayGoOn: () => boolean = () => true,
): Promise<{ reference: R[]; subject: S[] }> {
  const result: { reference: R[]; subject: S[] } = { reference: [], subject: [] }
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && !mayGoOn()) break
    if (round % 2 === 1) result.subject.push(await subject(round))
    result.reference.push(await reference(round))
    if (round % 2 === 0) result.subject.push(await subject(round))
  }
  return result
}

/** Polls until `condition` gives something; throws `what` after `ms`. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  ms = 60_000,
): Promise<T> {
  const deadline = performance.now() + ms
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > deadline) throw new Error(`Not within ${ms / 1000} s: ${what}`)
    await pause(10)
  }
}

export function deadline<T>(what: string, ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`Not within ${ms / 1000} s: ${what}`)), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Runs a program; gives its output. Throws with what it said on a bad end. */
export function exec(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; input?: string; ms?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.ms ?? 120_000,
      killSignal: 'SIGKILL',
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(Buffer.concat(out).toString('utf8'))
      const said = Buffer.concat([...err, ...out])
        .toString('utf8')
        .trim()
        .slice(-2_000)
      reject(new Error(`${file} ${args.join(' ').slice(0, 200)} ended with ${code ?? signal}: ${said}`))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(options.input ?? '')
  })
}
