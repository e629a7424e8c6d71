import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

// A package of its own with our scripts, a real npm, and a builder that only counts how often it was called: what is
// tested is when things are installed and built, and what is said when that fails.

const OURS = resolve(import.meta.dirname, '..')

let box: string
let root: string

const BUILDER = `#!/usr/bin/env node
const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs')
appendFileSync('builds.txt', 'x')
if (require('node:fs').readFileSync('src/app.ts', 'utf8').includes('syntax error')) {
  console.error('src/app.ts: Unexpected token')
  process.exit(1)
}
mkdirSync('out/main', { recursive: true })
mkdirSync('out/renderer', { recursive: true })
for (const name of ['web', 'pty-host', 'screens']) writeFileSync('out/main/' + name + '.js', '')
writeFileSync('out/main/cli.js', 'console.log(JSON.stringify(process.argv.slice(2)))')
writeFileSync('out/renderer/index.html', '')
`

beforeEach(async () => {
  box = await realpath(await mkdtemp(join(tmpdir(), 'quartet scripts-')))
  root = join(box, 'a package')
  await mkdir(join(root, 'src'), { recursive: true })
  await mkdir(join(root, 'tool'))
  await cp(join(OURS, 'scripts'), join(root, 'scripts'), { recursive: true })
  await cp(join(OURS, 'bin'), join(root, 'bin'), { recursive: true })
  await writeFile(join(root, 'src', 'app.ts'), 'first')
  await writeFile(join(root, 'electron.vite.config.ts'), '')
  await writeFile(
    join(root, 'tool', 'package.json'),
    '{"name":"electron-vite","version":"1.0.0","bin":"tool.cjs"}',
  )
  await writeFile(join(root, 'tool', 'tool.cjs'), BUILDER)
  await manifest({ 'electron-vite': 'file:./tool' })
  await npm('install', '--package-lock-only')
})

afterEach(() => rm(box, { recursive: true, force: true }))

function manifest(dependencies: Record<string, string>) {
  const text = JSON.stringify({ name: 'quartet', version: '1.2.3', type: 'module', dependencies })
  return writeFile(join(root, 'package.json'), text)
}

const call = (program: string, args: string[], env: NodeJS.ProcessEnv = {}, cwd = root) =>
  new Promise<{ code: number; out: string; err: string }>((done) => {
    execFile(program, args, { cwd, env: { ...process.env, ...env }, timeout: 60_000 }, (error, out, err) =>
      done({ code: error ? (typeof error.code === 'number' ? error.code : 1) : 0, out, err }),
    )
  })

const npm = (...args: string[]) => call('npm', [...args, '--no-audit', '--no-fund', '--offline'])

const quartet = (...args: string[]) => call(join(root, 'bin', 'quartet'), args)

const builds = async () => (await readFile(join(root, 'builds.txt'), 'utf8').catch(() => '')).length

it('installs and builds at the first call, and nothing at the second', async () => {
  const first = await quartet('ls', 'tasks')
  expect(first.err).toMatch(/Installing packages.*\nInstalled in .*\nBuilding.*\nBuilt in/)
  expect(JSON.parse(first.out)).toEqual(['ls', 'tasks'])
  expect(await builds()).toBe(1)
  expect(await quartet('ls', '--flag')).toEqual({ code: 0, out: '["ls","--flag"]\n', err: '' })
  expect(await builds()).toBe(1)
})

it('builds again when a source changed, and not for a test, a touch or a change and its way back', async () => {
  await quartet()
  await writeFile(join(root, 'src', 'app.test.ts'), 'a test')
  await writeFile(join(root, 'src', 'app.ts'), 'first')
  expect((await quartet()).err).toBe('')
  await writeFile(join(root, 'src', 'app.ts'), 'second')
  expect((await quartet()).err).toMatch(/^Building.*\nBuilt in .*\n$/)
  expect(await builds()).toBe(2)
  await rm(join(root, 'out', 'main', 'web.js'))
  await quartet()
  expect(await builds()).toBe(3)
})

it('installs again when the lockfile changed, and not after somebody did it by hand', async () => {
  await npm('ci')
  expect((await quartet()).err).not.toContain('Installing')
  await mkdir(join(root, 'other'))
  await writeFile(join(root, 'other', 'package.json'), '{"name":"other","version":"1.0.0"}')
  await manifest({ 'electron-vite': 'file:./tool', other: 'file:./other' })
  await npm('install', '--package-lock-only')
  expect((await quartet()).err).toContain('Installed in')
})

it('builds once for calls that come at once', async () => {
  await npm('ci')
  const all = await Promise.all(Array.from({ length: 5 }, (_, i) => quartet(String(i))))
  expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0])
  expect(await builds()).toBe(1)
})

it('says what failed in a sentence, to a program as an object, and tries again', async () => {
  await writeFile(join(root, 'src', 'app.ts'), 'syntax error')
  const human = await quartet('ls')
  expect(human).toMatchObject({ code: 1, out: '' })
  expect(human.err).toMatch(/The build failed\.\nsrc\/app\.ts: Unexpected token\n$/)
  const program = await quartet('ls', '--json')
  expect(JSON.parse(program.out).error).toMatchObject({ code: 'build_failed' })
  await writeFile(join(root, 'src', 'app.ts'), 'repaired')
  expect((await quartet()).code).toBe(0)
})

it('explains an unreachable registry', async () => {
  await manifest({ 'electron-vite': 'file:./tool', ms: '2.1.3' })
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'))
  lock.packages[''].dependencies.ms = '2.1.3'
  lock.packages['node_modules/ms'] = {
    version: '2.1.3',
    resolved: 'http://127.0.0.1:9/ms.tgz',
    integrity: 'sha512-AAAA',
  }
  await writeFile(join(root, 'package-lock.json'), JSON.stringify(lock))
  const { code, err } = await call(join(root, 'bin', 'quartet'), ['ls'], {
    npm_config_registry: 'http://127.0.0.1:9/',
    npm_config_fetch_retries: '0',
    npm_config_cache: join(box, 'cache'),
  })
  expect(code).toBe(1)
  expect(err).toContain('The npm registry cannot be reached, so the packages could not be installed.')
})

it('works through symbolic links and from any folder', async () => {
  await mkdir(join(box, 'bin'))
  await symlink(join(root, 'bin', 'quartet'), join(box, 'bin', 'first'))
  await symlink('first', join(box, 'bin', 'second'))
  const { code, out } = await call(join(box, 'bin', 'second'), ['--version'], {}, tmpdir())
  expect({ code, out }).toEqual({ code: 0, out: '["--version"]\n' })
})

it('refuses options of npm start that it does not know', async () => {
  const start = (...args: string[]) => call(process.execPath, [join(root, 'scripts', 'start.mjs'), ...args])
  expect(await start('--host', 'tv')).toMatchObject({ code: 2, err: '“tv” is no host: web or electron.\n' })
  expect(await start('--port', 'x')).toMatchObject({ code: 2, err: '“x” is no port.\n' })
  expect(await start('--bogus')).toMatchObject({ code: 2 })
  expect((await start('--help')).out).toContain('--host web|electron')
  expect(await builds()).toBe(0)
})
