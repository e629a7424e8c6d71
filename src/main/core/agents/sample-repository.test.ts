import { expect, test } from 'vitest'
import { exec } from '../../kernel/exec.ts'
import { sampleRepository } from './sample-repository.ts'
import { makeSample, RESOURCES } from './test-support.ts'

const check = (dir: string, ...args: string[]) =>
  exec(process.execPath, args, { cwd: dir, env: { PATH: process.env.PATH }, timeoutMs: 60_000 })

test('the sample is a repository of plain files with checks that pass', async () => {
  const { dir, brief } = await makeSample()
  expect(brief).toContain('# ')
  expect((await check(dir, '--test')).code).toBe(0)
  expect((await check(dir, 'scripts/style.js')).code).toBe(0)
})

test('it names its checks for us and hides nothing that is needed', async () => {
  const { files } = await sampleRepository(RESOURCES)
  expect(Object.keys(files).sort()).toEqual([
    '.gitignore',
    'README.md',
    'WORKFLOW.md',
    'package.json',
    'scripts/style.js',
    'src/duration.js',
    'src/index.js',
    'src/laps.js',
    'test/duration.test.js',
    'test/laps.test.js',
  ])
  expect(files['WORKFLOW.md']).toContain('run: node --test')
})
