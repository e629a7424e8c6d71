import { type ChildProcess, fork } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { BENCHES } from './benches/all.ts'
import { exec } from './lib/measure.ts'
import { jsonReport, markdownReport, type Result } from './lib/report.ts'
import { type Message, sweep, sweepLeftovers } from './lib/session.ts'
import type { Bench, Options, Tools } from './lib/types.ts'
import { BUILD, findReferences } from './reference/tools.ts'

const ROOT = resolve(import.meta.dirname, '..')
const APP = join(BUILD, 'app')
/** From the polite end of a benchmark to the forced one. */
const GRACE_MS = 20_000
/** A default run is over after this; what was not begun by then is said to be missing. */
const BUDGET_MS = 25 * 60_000

/** What is kept of that for each benchmark that is still to come. */
const RESERVED_MS = 25_000

const HELP = `npm run bench -- [options]

  --only A,B      benchmarks by name (${BENCHES.map(({ name }) => name).join(', ')}) or goal (P3a, P4, P3 for all of P3)
  --rounds N      pairs of reference and subject (default 5)
  --full          the long protocols: 1,000 creations, 16 worktrees of 50,000 files, ten minutes of flood
  --small         tiny sizes, to see that everything runs; the figures mean nothing
  --json FILE     write the figures there (default: bench/.build/bench.json)
  --out FILE      write the report there (default: docs/BENCHMARKS.md of a whole run, else bench/.build/BENCHMARKS.md)
  --scratch DIR   where repositories and data directories go (default: /dev/shm when it has 8 GB, else the temporary folder)
  --note TEXT     a sentence for the report, such as what else the machine was doing
  --no-build      take the product as it was built last`

function scratchFolder(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm')
    // Deleting on a disk goes on in the background and slows whatever is measured next by a factor of seven.
    if (bavail * bsize > 8e9) return '/dev/shm'
  } catch {
    // Not on this platform.
  }
  return tmpdir()
}

/** Builds the product into a folder of the benchmarks, so that another build or a running app is not disturbed. */
async function build(): Promise<void> {
  rmSync(APP, { recursive: true, force: true })
  mkdirSync(APP, { recursive: true })
  const builder = join(ROOT, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js')
  await exec(process.execPath, [builder, 'build', '--outDir', join(APP, 'out')], { cwd: ROOT, ms: 300_000 })
  copyFileSync(join(ROOT, 'package.json'), join(APP, 'package.json'))
  symlinkSync(join(ROOT, 'resources'), join(APP, 'resources'))
}

function chosen(only: string | undefined): readonly Bench[] {
  if (only === undefined) return BENCHES
  const wanted = only.split(',').filter(Boolean)
  for (const word of wanted) {
    const known = BENCHES.some(
      ({ name, goals }) => name === word || goals.some((goal) => goal.startsWith(word)),
    )
    if (!known) throw new Error(`There is no benchmark “${word}”.\n\n${HELP}`)
  }
  return BENCHES.filter(({ name, goals }) =>
    wanted.some((word) => name === word || goals.some((goal) => goal.startsWith(word))),
  )
}

/** Runs one benchmark in a child, which has to be done in time. */
async function runInChild(bench: Bench, options: Options, tools: Tools, leftMs: number): Promise<Result> {
  const result: Result = {
    name: bench.name,
    goals: bench.goals,
    rows: [],
    missing: [],
    failure: null,
    seconds: 0,
  }
  const limit = Math.min(bench.deadline[options.full ? 1 : 0] * 1_000, leftMs)
  let dir: string | null = null
  const begin = performance.now()
  const child: ChildProcess = fork(join(import.meta.dirname, 'one.ts'), [], {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const onMessage = (message: Message) => {
    switch (message.kind) {
      case 'row':
        result.rows.push(message.row)
        break
      case 'missing':
        result.missing.push(message.missing)
        break
      case 'say':
        console.error(`  ${message.line}`)
        break
      case 'dir':
        dir = message.dir
        break
      case 'failed':
        result.failure = message.message
        break
      case 'done':
        break
    }
  }
  child.on('message', onMessage)
  child.send({ name: bench.name, options: { ...options, endsAt: Date.now() + limit }, tools })
  const polite = setTimeout(() => child.kill('SIGTERM'), limit)
  const forced = setTimeout(() => child.kill('SIGKILL'), limit + GRACE_MS)
  await new Promise<void>((done) => {
    child.once('exit', (code, signal) => {
      if (code !== 0) result.failure ??= `its process ended with ${code ?? signal}`
      done()
    })
    child.once('error', (error) => {
      result.failure ??= String(error)
      done()
    })
  })
  clearTimeout(polite)
  clearTimeout(forced)
  if (dir !== null && existsSync(dir)) await sweep(dir)
  result.seconds = (performance.now() - begin) / 1_000
  return result
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      full: { type: 'boolean', default: false },
      small: { type: 'boolean', default: false },
      json: { type: 'string' },
      out: { type: 'string' },
      scratch: { type: 'string' },
      note: { type: 'string' },
      'no-build': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const benches = chosen(values.only)
  const options: Options = {
    rounds: Math.max(1, Number(values.rounds) || 5),
    full: values.full,
    small: values.small,
    scratch: values.scratch ?? scratchFolder(),
    endsAt: Number.POSITIVE_INFINITY,
  }
  const begin = performance.now()
  await sweepLeftovers(options.scratch)
  const references = findReferences()
  if (!values['no-build'] || !existsSync(join(APP, 'out', 'main', 'web.js'))) {
    console.error('building the product …')
    await build()
  }
  const tools: Tools = { ...references, app: APP, node: process.execPath }
  const results: Result[] = []
  // The terminal tells the child itself; this process stays to clear up behind it, and begins nothing new.
  let interrupted = false
  process.on('SIGINT', () => {
    interrupted = true
  })
  for (const [i, bench] of benches.entries()) {
    if (interrupted) break
    // Something is kept for those that come later.
    const reserved = GRACE_MS + RESERVED_MS * (benches.length - i - 1)
    const left = options.full ? Number.POSITIVE_INFINITY : BUDGET_MS - (performance.now() - begin) - reserved
    if (left < 20_000) {
      results.push({
        name: bench.name,
        goals: bench.goals,
        rows: [],
        missing: [],
        failure: 'not begun: the time of a default run was over',
        seconds: 0,
      })
      continue
    }
    console.error(`${bench.name} (${bench.goals.join(', ')}) …`)
    const result = await runInChild(bench, options, tools, left)
    if (result.failure) console.error(`  FAILED: ${result.failure}`)
    console.error(`  ${result.seconds.toFixed(0)} s`)
    results.push(result)
  }

  const run = {
    options,
    results,
    seconds: (performance.now() - begin) / 1_000,
    tools,
    note: values.note ?? null,
  }
  const markdown = await markdownReport(run)
  if (interrupted) return 130
  const whole = benches === BENCHES && !options.small && options.rounds >= 5
  const out = resolve(
    values.out ?? (whole ? join(ROOT, 'docs', 'BENCHMARKS.md') : join(BUILD, 'BENCHMARKS.md')),
  )
  const json = resolve(values.json ?? join(BUILD, 'bench.json'))
  for (const file of [out, json]) mkdirSync(dirname(file), { recursive: true })
  writeFileSync(out, markdown)
  writeFileSync(json, `${JSON.stringify(await jsonReport(run), null, 2)}\n`)
  console.log(markdown)
  console.error(`written: ${out}, ${json}`)
  return results.some(({ failure }) => failure !== null) ? 1 : 0
}

main().then(
  (code) => {
    process.exitCode = code
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 2
  },
)
