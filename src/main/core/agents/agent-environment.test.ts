import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { createAgentEnvironment } from './agent-environment.ts'
import { tempDir } from './test-support.ts'

/** A shell that prints and does what `body` says, then hands over to sh; `body` may set variables. */
async function fakeShell(body: string): Promise<string> {
  const file = join(await tempDir('shell'), 'bash')
  await writeFile(file, `#!/bin/sh\n${body}\nshift\nexec /bin/sh -c "$@"\n`)
  await chmod(file, 0o755)
  return file
}

async function probing(shell: string, options: { timeoutMs?: number; cacheFile?: string } = {}) {
  const cacheFile = options.cacheFile ?? join(await tempDir('cache'), 'environment.json')
  const environment = createAgentEnvironment({
    hostEnv: {
      PATH: ['/work/node_modules/.bin', '/usr/bin', '/bin', 'relative'].join(delimiter),
      HOME: '/tmp',
      LANG: 'C.UTF-8',
      ELECTRON_RUN_AS_NODE: '1',
      NODE_OPTIONS: '--inspect',
      npm_config_x: '1',
      GITHUB_TOKEN: 'ghp_secret',
    },
    cacheFile,
    log: silentLogger,
    clock: systemClock,
    shell,
    timeoutMs: options.timeoutMs ?? 20_000,
  })
  return { environment, cacheFile }
}

test('takes what the rc files set, past all that they print', async () => {
  const shell = await fakeShell(
    `echo "Welcome!"; printf '\\033]0;title\\007junk=1'; echo noise >&2
     export PATH="/opt/tools/bin:$PATH" GREETING='two
lines = and more' EDITOR=vim`,
  )
  const { environment } = await probing(shell)
  const found = await environment.get()
  expect(found.source).toBe('shell')
  expect(found.problem).toBeNull()
  expect(found.env.GREETING).toBe('two\nlines = and more')
  expect(found.env.PATH?.split(delimiter)[0]).toBe('/opt/tools/bin')
  expect(found.env.LANG).toBe('C.UTF-8')
})

test('our own variables and folders are not handed on', async () => {
  const { environment } = await probing(
    await fakeShell('export GITHUB_TOKEN=ghp_other LINEAR_API_KEY=lin QUARTET_DATA_DIR=/x'),
  )
  const { env } = await environment.get()
  const names = Object.keys(env)
  for (const name of [
    'GITHUB_TOKEN',
    'LINEAR_API_KEY',
    'NODE_OPTIONS',
    'ELECTRON_RUN_AS_NODE',
    'npm_config_x',
    'QUARTET_DATA_DIR',
    'QUARTET_ENVIRONMENT_PROBE',
  ])
    expect(names).not.toContain(name)
  expect(env.PATH).not.toContain('node_modules/.bin')
  expect(env.PATH?.split(delimiter)).not.toContain('relative')
})

test('a shell that is too slow is ended, and the floor is used', async () => {
  const { environment } = await probing(await fakeShell('sleep 60'), { timeoutMs: 300 })
  const found = await environment.get()
  expect(found.source).toBe('floor')
  expect(found.problem).toContain('longer than 0.3 seconds')
  expect(found.env.PATH).toContain('/usr/bin')
  expect(found.env.HOME).toBe('/tmp')
})

test.each([
  ['ends at once', 'exit 3', 'did not answer (exit code 3)'],
  ['is no shell', 'echo hello; exit 0', 'did not answer'],
  ['gives a PATH of nothing', 'PATH=/nonexistent/one; export PATH', 'without one folder'],
])('a shell that %s gives the floor and the reason', async (_name, body, reason) => {
  const shell = await fakeShell(body)
  const { environment } = await probing(shell)
  const found = await environment.get()
  expect(found.source).toBe('floor')
  expect(found.problem).toContain(reason)
})

test('a shell that does not exist gives the floor', async () => {
  const { environment } = await probing('/nonexistent/shell')
  expect(await environment.get()).toMatchObject({ source: 'floor', probedAt: null })
})

test('the last good answer serves when the shell fails later, without secrets on disk', async () => {
  const shell = await fakeShell(
    'export EDITOR=hx ANTHROPIC_API_KEY=sk-ant-secret; [ -e "$0.broken" ] && exit 1',
  )
  const { environment, cacheFile } = await probing(shell)
  const first = await environment.get()
  expect(first.env.ANTHROPIC_API_KEY).toBe('sk-ant-secret')
  expect(await readFile(cacheFile, 'utf8')).not.toContain('secret')
  expect((await stat(cacheFile)).mode & 0o777).toBe(0o600)

  await writeFile(`${shell}.broken`, '')
  const again = await environment.reprobe()
  expect(again).toMatchObject({ source: 'cache', probedAt: first.probedAt })
  expect(again.env.EDITOR).toBe('hx')
  expect(again.problem).toContain('exit code 1')
})

test('a damaged cache is no error', async () => {
  const cacheFile = join(await tempDir('cache'), 'environment.json')
  await writeFile(cacheFile, '{"version":')
  const { environment } = await probing(await fakeShell('exit 1'), { cacheFile })
  expect((await environment.get()).source).toBe('floor')
})

test('callers at the same time share one probe', async () => {
  const shell = await fakeShell('echo x >> "$0.count"')
  const { environment } = await probing(shell)
  const all = await Promise.all([environment.get(), environment.get(), environment.get()])
  expect(new Set(all).size).toBe(1)
  expect((await readFile(`${shell}.count`, 'utf8')).trim()).toBe('x')
})

test('a real bash, interactive and as a login shell, answers', async () => {
  const { environment } = await probing('/bin/bash')
  const found = await environment.get()
  expect(found.source).toBe('shell')
  expect(found.env.PATH).toContain('/usr/bin')
})
