import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { failureFrom } from './connect.ts'
import { reasonsOf } from './decide.ts'
import { gitLine } from './doctor.ts'
import { slotsOf } from './fire.ts'
import type { Io } from './io.ts'
import { COMMANDS, run } from './run.ts'

let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quartet-cli-'))
})

afterEach(() => rm(dir, { recursive: true, force: true }))

async function call(...argv: string[]) {
  let out = ''
  let err = ''
  const io: Io = {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    env: { QUARTET_DATA_DIR: dir, PATH: process.env.PATH },
    cwd: dir,
    tty: false,
    columns: 80,
    now: () => 0,
    signal: new AbortController().signal,
  }
  const installation = { webEntry: join(dir, 'missing.js'), node: process.execPath, version: () => '9.9.9' }
  const code = await run(argv, io, installation)
  return { code, out, err }
}

describe('help', () => {
  it('lists every command, and explains each', async () => {
    const { code, out } = await call('--help')
    expect(code).toBe(0)
    for (const command of COMMANDS) {
      expect(out).toContain(command.name)
      const help = await call(...command.name.split(' '), '--help')
      expect(help.code).toBe(0)
      expect(help.out).toContain(`quartet ${command.name}`)
      for (const option of Object.keys(command.options)) expect(help.out).toContain(`--${option}`)
    }
  })

  it('stays within the width of a terminal', async () => {
    const pages = await Promise.all([
      call('--help'),
      ...COMMANDS.map((command) => call(...command.name.split(' '), '--help')),
    ])
    for (const { out } of pages)
      for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120)
  })

  it('knows its version', async () => expect((await call('--version')).out).toBe('9.9.9\n'))
})

describe('a wrong call', () => {
  it.each([
    [['frobnicate'], 'There is no command “frobnicate”.'],
    [['repo'], 'There are: repo add, repo ls, repo trust, repo rm.'],
    [['verdict', 'att_1'], 'Something is missing: quartet verdict ATTEMPT mergeable|trash'],
    [['verdict', 'att_1', 'maybe'], 'A verdict is mergeable or trash, not “maybe”.'],
    [['verdict', 'att_1', 'trash', '--reason', 'ugly'], '“ugly” is no reason. Known: wrong-approach,'],
    [['show', 'a', 'b'], 'Too much: “b”.'],
    [['fire', '--brief', 'x'], 'Give the repository with --repo R.'],
    [['fire', '--repo', 'r'], 'Give the brief with either --brief TEXT or --brief-file F.'],
    [['fire', '--repo', 'r', '--brief', 'x', '--brief-file', 'y'], 'either --brief TEXT or --brief-file F'],
    [
      ['fire', '--repo', 'r', '--brief', 'x', '--attempts', '9'],
      '--attempts takes a whole number from 1 to 8, not “9”.',
    ],
    [['fire', '--repo', 'r', '--brief', 'x', '--attempts', '1.5'], 'not “1.5”'],
    [['fire', '--repo', 'r', '--brief', 'x', '--wait', 'soon'], '--wait takes ready or landed, not “soon”.'],
    [['fire', '--colour'], "Unknown option '--colour'"],
    [['ls', 'things'], 'There are tasks and attempts to list, not “things”.'],
    [['serve', '--port', '70000'], '--port takes a whole number from 0 to 65535, not “70000”.'],
  ])('%j exits with 2 and says why', async (argv, sentence) => {
    const human = await call(...argv)
    expect(human).toMatchObject({ code: 2, out: '' })
    expect(human.err).toContain(sentence)
    expect(human.err).toContain('--help')
    const program = await call(...argv, '--json')
    expect(program).toMatchObject({ code: 2, err: '' })
    expect(JSON.parse(program.out)).toEqual({
      error: { code: 'usage', message: expect.stringContaining(sentence) },
    })
  })

  it('finds its command behind options', async () => {
    const { out } = await call('--data-dir', 'ls', '--json', 'show')
    expect(JSON.parse(out).error.message).toContain('quartet show ID')
  })
})

describe('a core that does not start', () => {
  it('is one line on standard error, or an error object', async () => {
    const human = await call('repo', 'ls')
    expect(human).toMatchObject({ code: 1, out: '' })
    expect(human.err).toMatch(/^quartet: Quartet's core could not be started \(exit code 1\): .+\n$/)
    const { out, code } = await call('repo', 'ls', '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out).error.code).toBe('core_unreachable')
  })

  it('passes on what the host itself said', () => {
    const said = 'warning\n{"error":{"code":"database_newer","message":"A newer Quartet wrote this."}}\n'
    expect(failureFrom(said, 1)).toMatchObject({
      code: 'database_newer',
      message: 'A newer Quartet wrote this.',
    })
  })

  it('is what the doctor finds, not what stops it', async () => {
    const { code, out } = await call('doctor', '--json')
    expect(code).toBe(1)
    const lines: { name: string; status: string }[] = JSON.parse(out)
    expect(lines.find((line) => line.name === 'git')?.status).toBe('ok')
    expect(lines.find((line) => line.name === 'core')?.status).toBe('failed')
  })
})

describe('slots', () => {
  it('deals agents and scenarios out in turn', () => {
    const slots = slotsOf(5, ['rehearsal', 'shell'], 'run {prompt_file}', ['good', 'hangs'])
    expect(slots.map((slot) => [slot.agent, slot.scenario, slot.command])).toEqual([
      ['rehearsal', 'good', null],
      ['shell', null, 'run {prompt_file}'],
      ['rehearsal', 'hangs', null],
      ['shell', null, 'run {prompt_file}'],
      ['rehearsal', 'good', null],
    ])
  })

  it('refuses what would be ignored silently', () => {
    expect(() => slotsOf(1, ['a', 'b'], undefined, [])).toThrow('2 agents for 1 attempts')
    expect(() => slotsOf(1, ['codex'], 'x', [])).toThrow('--agent shell')
    expect(() => slotsOf(1, ['codex'], undefined, ['good'])).toThrow('--agent rehearsal')
  })
})

it('takes reason tags with dashes', () => {
  expect(reasonsOf(['wrong-approach', 'no tests'])).toEqual(['wrong approach', 'no tests'])
})

it.each([
  ['git version 2.39.5 (Apple Git-154)', 'ok'],
  ['git version 3.0.0', 'ok'],
  ['git version 2.30.1', 'failed'],
  ['nonsense', 'failed'],
])('judges “%s” as %s', (output, status) => expect(gitLine(output).status).toBe(status))
