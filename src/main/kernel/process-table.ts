import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'

/** One process; `startedAt` is opaque text that, with the pid, names it for ever: a recycled pid has another one. */
export interface ProcessEntry {
  pid: number
  ppid: number
  pgid: number
  sid: number
  startedAt: string
  state: string
  /** CPU time that it used so far, ms; its ended children are not counted. */
  cpuMs: number
}

/** Clock ticks of /proc/PID/stat are hundredths of a second on every Linux that Node runs on (USER_HZ). */
const TICK_MS = 10

/** Parses /proc/PID/stat (proc(5)): the command may hold blanks and parentheses, so fields count from the last `)`. */
export function parseStat(text: string): ProcessEntry | null {
  const end = text.lastIndexOf(')')
  if (end < 0) return null
  const rest = text.slice(end + 2).split(' ')
  return {
    pid: Number.parseInt(text, 10),
    state: rest[0] ?? '?',
    ppid: Number(rest[1]),
    pgid: Number(rest[2]),
    sid: Number(rest[3]),
    startedAt: rest[19] ?? '',
    cpuMs: (Number(rest[11]) + Number(rest[12])) * TICK_MS,
  }
}

/** The process `pid`, or null when there is none (a zombie counts as none: it is dead and waits to be reaped). */
export async function findProcess(pid: number): Promise<ProcessEntry | null> {
  if (process.platform !== 'linux') return (await listProcesses()).find((p) => p.pid === pid) ?? null
  try {
    const entry = parseStat(await readFile(`/proc/${pid}/stat`, 'latin1'))
    return entry && entry.state !== 'Z' ? entry : null
  } catch {
    return null
  }
}

/** All living processes of this machine that we may see. */
export async function listProcesses(): Promise<ProcessEntry[]> {
  if (process.platform === 'linux') {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const entries = await Promise.all(
      pids.map((pid) => readFile(`/proc/${pid}/stat`, 'latin1').then(parseStat, () => null)),
    )
    return entries.filter((entry): entry is ProcessEntry => entry !== null && entry.state !== 'Z')
  }
  const table = await new Promise<string>((resolve, reject) => {
    const columns = 'pid=,ppid=,pgid=,sess=,state=,time=,lstart='
    execFile('ps', ['-axo', columns], { timeout: 5_000 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    )
  })
  return table.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(.+?)\s*$/.exec(line)
    if (!match || match[5]?.startsWith('Z')) return []
    const [, pid, ppid, pgid, sid, state, time, startedAt] = match as unknown as string[]
    return [
      {
        pid: Number(pid),
        ppid: Number(ppid),
        pgid: Number(pgid),
        sid: Number.parseInt(sid!, 16) || 0,
        state: state!,
        startedAt: startedAt!,
        cpuMs: cpuTime(time!),
      },
    ]
  })
}

/** `1-02:03:04`, `02:03:04` or `3:04.05`, as the versions of ps print it, in ms. */
function cpuTime(text: string): number {
  const [clock = '', days = '0'] = text.split('-').reverse()
  const seconds = clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
  return Math.round((Number(days) * 86_400 + seconds) * 1_000) || 0
}

/** True when the very process that had this pid and start mark still lives. */
export async function isAlive(pid: number, startedAt: string): Promise<boolean> {
  return (await findProcess(pid))?.startedAt === startedAt
}
