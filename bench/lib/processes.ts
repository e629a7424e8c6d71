import { readdir, readFile, readlink } from 'node:fs/promises'

/** What a process has used so far, all its threads together (Linux). */
export interface Usage {
  cpuMs: number
  /** Times that a thread went to sleep by itself: each is one wake-up. */
  wakeups: number
  /** Page faults of children that ended: it stands still exactly as long as no child is started and reaped. */
  childFaults: number
}

const MIB = 1024 * 1024

export async function usageOf(pid: number): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1')
  // The name in parentheses may hold blanks; the fields after it start with the state.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  let nanos = 0
  let wakeups = 0
  for (const task of await readdir(`/proc/${pid}/task`)) {
    const [schedule, status] = await Promise.all(
      ['schedstat', 'status'].map((name) =>
        readFile(`/proc/${pid}/task/${task}/${name}`, 'latin1').catch(() => ''),
      ),
    )
    nanos += Number(schedule?.split(' ', 1)[0] ?? 0)
    wakeups += Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(status ?? '')?.[1] ?? 0)
  }
  return { cpuMs: nanos / 1e6, wakeups, childFaults: Number(fields[8]) + Number(fields[10]) }
}

/** Memory of a process that would be free without it, shared pages counted by their share, in MiB. */
export async function pssOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'latin1')
  return (Number(/^Pss:\s*(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) * 1024) / MIB
}

export async function rssOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'latin1')
  return (Number(/^VmRSS:\s*(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) * 1024) / MIB
}

export interface Found {
  pid: number
  ppid: number
  command: string
}

/** Living processes whose command line, environment or working directory names `text`. */
export async function processesNaming(text: string): Promise<Found[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number)
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [command = '', environment = '', stat = ''] = await Promise.all(
        ['cmdline', 'environ', 'stat'].map((name) =>
          readFile(`/proc/${pid}/${name}`, 'latin1').catch(() => ''),
        ),
      )
      const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (pid === process.pid || fields[0] === 'Z' || !`${command}\0${environment}\0${cwd}`.includes(text))
        return []
      return [{ pid, ppid: Number(fields[1]), command: command.replaceAll('\0', ' ').trim() }]
    }),
  )
  return found.flat()
}

/** Pids of the pty-host that works for `dataDir` and of the process that draws its screens. */
export async function terminalProcesses(dataDir: string): Promise<{ host: number; screens: number }> {
  const found = await processesNaming(dataDir)
  const pidOf = (script: string) => {
    const one = found.find(({ command }) => command.includes(script))
    if (!one) throw new Error(`${script} does not run.`)
    return one.pid
  }
  return { host: pidOf('/pty-host.js'), screens: pidOf('/screens.js') }
}

/** Ends everything that names `text` (a folder that nobody else knows) until nothing is left; gives what had to be ended. */
export async function endProcessesNaming(text: string): Promise<Found[]> {
  const ended: Found[] = []
  for (let round = 0; round < 50; round++) {
    const left = await processesNaming(text)
    if (left.length === 0) break
    for (const found of left) {
      try {
        process.kill(found.pid, 'SIGKILL')
        ended.push(found)
      } catch {
        // It has ended meanwhile.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
  return ended
}

export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) process.kill(pid, signal)
}
