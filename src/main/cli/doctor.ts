import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../shared/domain/failure.ts'
import type { DoctorLine } from '../../shared/domain/host.ts'
import { holderOf } from '../core/data-dir.ts'
import { exec } from '../kernel/exec.ts'
import type { Command, Context } from './command.ts'
import { type Colour, plain, table } from './format.ts'

/** `git worktree add --no-checkout`, `merge-tree --write-tree` and what else the core needs came with this one. */
const GIT_FLOOR: readonly [number, number] = [2, 38]

const COLOURS: Record<DoctorLine['status'], Colour> = { ok: 'green', warning: 'yellow', failed: 'red' }

/** Judges what `git --version` said. */
export function gitLine(output: string): DoctorLine {
  const match = /(\d+)\.(\d+)/.exec(output)
  const version = output.trim().replace(/^git version /, '')
  if (!match) return { name: 'git', status: 'failed', detail: `unexpected answer: ${version}` }
  const [major, minor] = [Number(match[1]), Number(match[2])]
  const old = major < GIT_FLOOR[0] || (major === GIT_FLOOR[0] && minor < GIT_FLOOR[1])
  return old
    ? {
        name: 'git',
        status: 'failed',
        detail: `${version} is too old: ${GIT_FLOOR.join('.')} or newer is needed`,
      }
    : { name: 'git', status: 'ok', detail: version }
}

async function git(): Promise<DoctorLine> {
  try {
    const { stdout } = await exec('git', ['--version'], { timeoutMs: 10_000 })
    return gitLine(stdout.toString('utf8'))
  } catch (error) {
    return { name: 'git', status: 'failed', detail: messageOf(error) }
  }
}

/** The data directory: private, and writable. */
async function dataDir(path: string): Promise<DoctorLine> {
  const name = 'data directory'
  try {
    const entry = await stat(path)
    await access(path, constants.W_OK)
    const open = process.platform !== 'win32' && (entry.mode & 0o077) !== 0
    return open
      ? { name, status: 'warning', detail: `${path} can be read by other users of this machine` }
      : { name, status: 'ok', detail: path }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return missing
      ? { name, status: 'ok', detail: `${path} (made at the first start)` }
      : { name, status: 'failed', detail: messageOf(error) }
  }
}

async function tokenFile(path: string): Promise<DoctorLine[]> {
  if (process.platform === 'win32') return []
  try {
    const { mode } = await stat(path)
    return (mode & 0o077) === 0
      ? []
      : [{ name: 'token', status: 'failed', detail: `${path} can be read by others: chmod 600, and restart` }]
  } catch {
    return []
  }
}

async function local(context: Context): Promise<DoctorLine[]> {
  const holder = await holderOf(context.dataDir)
  return [
    { name: 'node', status: 'ok', detail: `${process.versions.node} (${process.execPath})` },
    await git(),
    await dataDir(context.dataDir),
    ...(await tokenFile(join(context.dataDir, 'token'))),
    {
      name: 'core',
      status: 'ok',
      detail: holder
        ? `runs as process ${holder.pid}${holder.url ? ` at ${holder.url}` : ''}`
        : 'was started for this',
    },
  ]
}

/** What the core says of itself; that it cannot be reached is a finding too. */
async function remote(context: Context): Promise<DoctorLine[]> {
  try {
    const core = await context.core()
    return await core.system.doctor()
  } catch (error) {
    return [{ name: 'core', status: 'failed', detail: messageOf(error) }]
  }
}

export const doctor: Command = {
  name: 'doctor',
  synopsis: '',
  about: 'check this machine and this installation; exit code 1 when something is broken',
  options: {},
  positionals: { min: 0, max: 0 },
  async run(context) {
    const here = await local(context)
    const there = await remote(context)
    // The core looks deeper where both look.
    const known = new Set(there.map((line) => line.name.toLowerCase()))
    const lines = [...here.filter((line) => !known.has(line.name.toLowerCase())), ...there]
    const rows = lines.map((line) => [
      context.paint(COLOURS[line.status], line.status),
      plain(line.name),
      plain(line.detail),
    ])
    context.result(lines, table(['', 'WHAT', 'DETAIL'], rows, context.paint))
    return lines.some((line) => line.status === 'failed') ? 1 : 0
  },
}
