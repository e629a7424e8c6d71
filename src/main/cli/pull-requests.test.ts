import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { emulatedForge, TOKEN } from '../core/landing/testing/emulated-forge.ts'
import { makeRepository, sh, startCore, tempDir } from '../core/testing/core-harness.ts'
import type { Context } from './command.ts'
import { lane, pullList, pullShow, repoForge } from './pull-requests.ts'

const REMOTE = 'https://forge.test/acme/app.git'

/** What a command of the CLI prints, run against this very core. */
async function shown(
  client: Awaited<ReturnType<typeof startCore>>['client'],
  run: (context: Context) => Promise<number>,
) {
  let text = ''
  const code = await run({
    io: { now: () => Date.now() } as Context['io'],
    paint: (_colour, value) => value,
    // Handed over as a plain object: the client itself answers to every name, `then` included.
    core: async () => {
      const { repositories, tasks, pulls, landing } = client
      return { repositories, tasks, pulls, landing } as unknown as typeof client
    },
    note: () => {},
    result: (_value, line) => {
      text = line
    },
  } as Partial<Context> as Context)
  return { code, text }
}

describe('a whole core', () => {
  it('lands an agent’s work through pull requests, with the fix round done by the agent’s own command', async () => {
    const dir = await tempDir()
    const repo = await makeRepository(join(dir, 'app'))
    await sh(dir, 'clone', '--quiet', '--bare', repo, 'origin.git')
    await sh(repo, 'remote', 'add', 'origin', REMOTE)
    // The user's own git leads the forge's address to the bare repository.
    writeFileSync(
      join(dir, '.gitconfig'),
      `[url "${join(dir, 'origin.git')}"]\n  insteadOf = ${REMOTE}\n[user]\n  name = Ann\n  email = ann@example.com\n`,
    )
    vi.stubEnv('HOME', dir)
    onTestFinished(() => void vi.unstubAllEnvs())
    const forge = await emulatedForge(join(dir, 'origin.git'))
    const harness = await startCore(join(dir, 'data'), {
      env: {
        ...process.env,
        QUARTET_REHEARSAL_PACE: '0',
        QUARTET_LANDING_PACE: '0.05',
        GH_ENTERPRISE_TOKEN: TOKEN,
      },
      waitMs: 240_000,
    })
    const { client, until } = harness
    await client.system.saveSettings({ forgeHosts: { 'forge.test': forge.url } })
    const repository = await client.repositories.add({ path: repo })
    expect(repository.forge).toBe('local')
    await client.pulls
      .access({ repoId: repository.id })
      .then((access) => expect(access).toMatchObject({ owner: 'acme', name: 'app', token: 'environment' }))
    const used = await shown(client, (context) => repoForge.run(context, [repository.id, 'github'], {}))
    expect(used.text).toContain('lands through github')
    // A command that reads its prompt can be told what to mend.
    const { task } = await client.tasks.fire({
      repoId: repository.id,
      brief: 'Add c',
      slots: [
        {
          agent: 'shell',
          command:
            'if grep -q "Red checks" {prompt_file}; then echo fixed > c.txt; else echo x > c.txt; fi; git add -A; git commit -qm Work',
          scenario: null,
          model: null,
          hint: null,
        },
      ],
    })
    const ready = await until((state) =>
      Object.values(state.attempts).find((each) => each.taskId === task.id && each.status === 'ready'),
    )
    await client.attempts.verdict({ id: ready.id, kind: 'mergeable', allowFixes: true })
    const pull = await until((state) => Object.values(state.pulls)[0])
    await forge.check(ready.headSha ?? '', 'ci', 'failure', 'Error: c is wrong')
    const fixed = await until((state) => {
      const run = Object.values(state.landRuns)[0]
      return run?.fixes === 1 && run.phase === 'checks' && run.headSha !== ready.headSha && run
    })
    const listed = await shown(client, (context) => pullList.run(context, [], {}))
    expect(listed.text).toMatch(/#1 +open/)
    expect((await shown(client, (context) => lane.run(context, [], {}))).text).toContain('checks')
    await forge.check(fixed.headSha ?? '', 'ci', 'success')
    await until(
      (state) => state.tasks[task.id]?.status === 'landed' && Object.values(state.landRuns)[0]?.endedAt,
    )
    expect(await sh(join(dir, 'origin.git'), 'show', 'main:c.txt')).toBe('fixed')
    expect(await sh(join(dir, 'origin.git'), 'log', '--format=%s', 'main')).toBe('Add c (#1)\nFirst')
    expect(await sh(repo, 'branch', '--list', 'quartet/*')).toBe('')
    const detail = await shown(client, (context) => pullShow.run(context, ['#1'], {}))
    expect(detail.text).toContain('merged')
    expect(detail.text).toContain('success  ci')
    expect(pull.number).toBe(1)
    // No agent saw the token.
    const log = await client.attempts.log({ id: ready.id, from: 0, maxBytes: 100_000, raw: true })
    expect(JSON.stringify([log, await client.history.facts({ taskId: task.id, limit: 500 })])).not.toContain(
      TOKEN,
    )
    await harness.close({ stopAgents: true })
  }, 400_000)
})
