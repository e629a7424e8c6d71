import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exec } from '../../../kernel/exec.ts'
import type { LaunchPlan } from '../driver.ts'
import { fakeProgram, makeContext, slot, tempDir } from '../test-support.ts'
import { commandLine, customDriver, shellDriver } from './shell.ts'

const run = async (plan: LaunchPlan, cwd: string) => {
  const result = await exec(plan.file, plan.args, { cwd, env: { ...plan.env }, timeoutMs: 30_000 })
  return { code: result.code, output: result.stdout.toString() + result.stderr.toString() }
}

/** A brief whose path has every character that a shell takes for something else. */
async function nasty() {
  const dir = join(await tempDir(), `it's "a" $HOME; touch hacked & \`x\` *`)
  await mkdir(dir)
  const promptFile = join(dir, 'brief.md')
  await writeFile(promptFile, 'the brief\n')
  return promptFile
}

test.each([
  ['bare', 'cat {prompt_file}'],
  ['with an option', 'cat --show-ends < {prompt_file} | tr -d "$"'],
  ['in double quotes', 'cat "{prompt_file}"'],
  ['within double quotes', 'test -f "{prompt_file}" && cat "{prompt_file}"'],
  ['in single quotes', `cat '{prompt_file}'`],
  ['in a shell of its own', `sh -c 'cat {prompt_file}'`],
  ['in a shell of its own, in double quotes', 'bash -ec "cat {prompt_file}"'],
  ['by the variable', 'cat "$QUARTET_PROMPT_FILE"'],
])('the brief reaches a command %s, whatever its path', async (_name, command) => {
  const worktree = await tempDir()
  const promptFile = await nasty()
  const plan = await shellDriver.plan(
    await makeContext({ slot: slot({ agent: 'shell', command }), worktree, promptFile }),
  )
  expect(await run(plan, worktree)).toEqual({ code: 0, output: 'the brief\n' })
})

test('the path is no part of the command', () => {
  expect(commandLine('agent --file {prompt_file} --again="{prompt_file}"')).toBe(
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's.
    'agent --file "$QUARTET_PROMPT_FILE" --again="${QUARTET_PROMPT_FILE}"',
  )
})

test('a brief of 200 kB reaches a command', async () => {
  const worktree = await tempDir()
  const context = await makeContext({
    slot: slot({ agent: 'shell', command: 'wc -c < {prompt_file}' }),
    worktree,
    prompt: 'x'.repeat(200_000),
  })
  const plan = await shellDriver.plan(context)
  expect((await run(plan, worktree)).output.trim()).toBe('200000')
})

test('the exit code of the command is the exit code of the agent', async () => {
  const worktree = await tempDir()
  const plan = await shellDriver.plan(
    await makeContext({ slot: slot({ agent: 'shell', command: 'exit 7' }), worktree }),
  )
  expect((await run(plan, worktree)).code).toBe(7)
})

test.each([[null], ['  ']])('a slot without a command (%j) is refused with a sentence', async (command) => {
  const context = await makeContext({ slot: slot({ agent: 'shell', command }), worktree: await tempDir() })
  await expect(shellDriver.plan(context)).rejects.toMatchObject({ code: 'invalid_input' })
})

test('no token of a forge and no variable of ours is in the environment', async () => {
  const worktree = await tempDir()
  const context = await makeContext({ slot: slot({ agent: 'shell', command: 'env' }), worktree })
  const env = {
    ...context.env,
    GITHUB_TOKEN: 'ghp_x',
    ELECTRON_RUN_AS_NODE: '1',
    ANTHROPIC_API_KEY: 'sk-ant',
  }
  const { output } = await run(await shellDriver.plan({ ...context, env }), worktree)
  expect(output).not.toMatch(/GITHUB_TOKEN|ELECTRON/)
  expect(output).toContain('ANTHROPIC_API_KEY=sk-ant')
})

test('a custom agent is a command line with a name; a missing program is seen', async () => {
  const dir = await fakeProgram('my-agent', '#!/bin/sh\ncat "$1"\n')
  const driver = customDriver({ name: 'mine', command: 'FOO=1 my-agent {prompt_file}' })
  const signal = AbortSignal.timeout(10_000)
  expect(await driver.detect({ PATH: dir }, signal)).toMatchObject({
    installed: true,
    path: join(dir, 'my-agent'),
  })
  expect(await driver.detect({ PATH: '/nonexistent' }, signal)).toMatchObject({
    installed: false,
    problem: expect.stringContaining('my-agent'),
  })
  const worktree = await tempDir()
  const context = await makeContext({ slot: slot({ agent: 'mine' }), worktree, prompt: 'hello' })
  const env = { ...context.env, PATH: `${dir}:${context.env.PATH}` }
  expect(await run(await driver.plan({ ...context, env }), worktree)).toEqual({ code: 0, output: 'hello' })
})
