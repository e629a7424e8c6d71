import { expect, it, onTestFinished, vi } from 'vitest'
import { HeadStart } from './head-start.ts'

/** Pieces of work that end when they are told to. */
function racers(cores: number) {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const starts = new HeadStart(cores)
  const ends = new Map<string, () => void>()
  const running = new Set<string>()
  const run = (name: string, options: { key?: string; signal?: AbortSignal } = {}) =>
    starts.run(options.key ?? 'repo', options.signal, async () => {
      running.add(name)
      await new Promise<void>((resolve) => ends.set(name, resolve))
      running.delete(name)
    })
  const end = async (name: string) => {
    ends.get(name)?.()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { run, end, running: () => [...running], pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) }
}

it('lets the first have the machine until it is done, and then all the others', async () => {
  const { run, end, running, pass } = racers(2)
  const all = ['a', 'b', 'c'].map((name) => run(name))
  await pass(100)
  expect(running()).toEqual(['a'])
  await end('a')
  expect(running()).toEqual(['b', 'c'])
  // Who comes while those are at it is none of the first.
  all.push(run('d'))
  await pass(0)
  expect(running()).toEqual(['b', 'c', 'd'])
  for (const name of ['b', 'c', 'd']) await end(name)
  await Promise.all(all)
  // The next round has a first one again.
  void run('e')
  void run('f')
  await pass(0)
  expect(running()).toEqual(['e'])
})

it('holds nobody back longer than its time', async () => {
  const { run, running, pass } = racers(2)
  void run('a')
  void run('b')
  await pass(399)
  expect(running()).toEqual(['a'])
  await pass(1)
  expect(running()).toEqual(['a', 'b'])
})

it('takes half of many cores, and another repository has its own', async () => {
  const { run, running, pass } = racers(8)
  for (const name of ['a', 'b', 'c', 'd', 'e']) void run(name)
  void run('other', { key: 'other repo' })
  await pass(0)
  expect(running()).toEqual(['a', 'b', 'c', 'd', 'other'])
})

it('is over when the first one fails, and nobody waits who is given up', async () => {
  const { run, running, pass, end } = racers(2)
  const starts = new HeadStart(2)
  const failing = starts.run('repo', undefined, async () => Promise.reject(new Error('no space')))
  const next = starts.run('repo', undefined, async () => 'done')
  await expect(failing).rejects.toThrow('no space')
  expect(await next).toBe('done')

  const abort = new AbortController()
  void run('a')
  const second = run('b', { signal: abort.signal })
  await pass(0)
  abort.abort()
  await pass(0)
  expect(running()).toEqual(['a', 'b'])
  await end('b')
  await second
})
