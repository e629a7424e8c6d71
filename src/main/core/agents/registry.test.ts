import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../kernel/clock.ts'
import { createAgentRegistry } from './registry.ts'
import { fakeProgram, RESOURCES, tempDir } from './test-support.ts'

const newRegistry = () =>
  createAgentRegistry({ nodePath: process.execPath, resourcesDir: RESOURCES, clock: systemClock })

test('knows the shipped agents and those of the settings', () => {
  const registry = newRegistry()
  registry.setCustom([
    { name: 'aider', command: 'aider --message-file {prompt_file}' },
    { name: 'codex', command: 'evil' },
  ])
  expect(registry.all().map((driver) => driver.name)).toEqual([
    'codex',
    'claude',
    'gemini',
    'opencode',
    'shell',
    'rehearsal',
    'aider',
  ])
  expect(registry.driver('codex').label).toBe('Codex')
  expect(() => registry.driver('nobody')).toThrow(expect.objectContaining({ code: 'agent_missing' }))
})

test('finds all agents at once; one that hangs or fails has a problem and holds nobody up', async () => {
  const codex = await fakeProgram('codex', '#!/bin/sh\necho codex-cli 0.169.0\n')
  const claude = await fakeProgram('claude', '#!/bin/sh\necho "cannot start: no licence" >&2\nexit 3\n')
  const env = { PATH: [codex, claude, '/usr/bin', '/bin'].join(':'), HOME: await tempDir() }
  const found = await newRegistry().detectAll(env)
  const of = (name: string) => found.find((agent) => agent.name === name)
  expect(of('codex')).toMatchObject({
    installed: true,
    version: '0.169.0',
    path: join(codex, 'codex'),
    problem: null,
  })
  expect(of('claude')).toMatchObject({ installed: false, problem: expect.stringContaining('no licence') })
  expect(of('gemini')).toMatchObject({ installed: false, path: null })
  expect(of('shell')).toMatchObject({ installed: true, needsCommand: true })
  expect(of('rehearsal')?.scenarios.length).toBeGreaterThan(10)
})

test('remembers what it found until it is asked to look again', async () => {
  const registry = newRegistry()
  const env = { PATH: '/nonexistent', HOME: await tempDir() }
  const first = await registry.detectAll(env)
  expect(await registry.detectAll(env)).toBe(first)
  expect(await registry.detectAll(env, { refresh: true })).not.toBe(first)
})
