import { describe, expect, it } from 'vitest'
import { sh } from '../../src/main/core/testing/core-harness.ts'
import { play, type Script } from '../fixtures/model-server.ts'
import { conversationOf, inStatus, makeArena, openCore, pathOf, REAL_AGENTS, untilCounted } from './arena.ts'

const commit = (file: string, text: string) =>
  ({
    do: 'run',
    command: `printf '${text}' > ${file} && git add ${file} && git commit -qm 'Add ${file}'`,
  }) as const
const say = (text: string) => ({ do: 'say', text }) as const

/** Commits one file per message of the engineer. */
const script: Script = (request) =>
  play(commit(`file-${request.userMessages.length}.txt`, 'made'), say('I committed the file.'))(request)

describe.each(REAL_AGENTS)('%s', (agent) => {
  it('gets its brief once, commits in its worktree, takes a follow-up, and is counted to the token', async () => {
    const arena = await makeArena({ script })
    const core = await openCore(arena)
    const brief = '# Add a file\n\nOne file, with “quotes”, $HOME and `backticks`.'
    const { id, attempts } = await core.fire(brief, agent)
    const ready = await core.until(inStatus(id, 'ready', 'failed', 'waiting'))
    expect(ready).toMatchObject({ status: 'ready', attention: null })
    expect(await pathOf(core, id)).toEqual(['preparing', 'starting', 'running', 'finished', 'ready'])
    expect(await sh(ready.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe('Add file-1.txt')
    expect(await sh(ready.worktree, 'status', '--porcelain')).toBe('')
    expect(await sh(arena.repo, 'log', '--format=%s', 'main')).toBe('First')

    const [request] = arena.model.requests
    expect(request?.conversation).toBe(conversationOf(ready))
    expect(request?.userMessages).toHaveLength(1)
    expect(request?.userMessages[0]).toContain(brief)

    expect(await core.client.attempts.answer({ id, text: 'And one more,\nplease.' })).toEqual({
      delivered: true,
    })
    const again = await core.until((state) => {
      const attempt = state.attempts[id]
      return attempt?.status === 'ready' && attempt.headSha !== ready.headSha && attempt
    })
    expect(await sh(again.worktree, 'log', '--format=%s', `${ready.baseSha}..HEAD`)).toBe(
      'Add file-2.txt\nAdd file-1.txt',
    )
    const last = arena.model.requests.at(-1)
    expect(last?.conversation).toBe(conversationOf(ready))
    expect(last?.userMessages).toHaveLength(2)
    expect(last?.userMessages[1]?.replaceAll('\r', '\n')).toBe('And one more,\nplease.')

    expect(await untilCounted(arena, core, id, agent)).toMatchObject({ turns: 2, toolCalls: 2 })
    expect(attempts).toHaveLength(1)
  })

  it('reads a brief of 200 kB from its file', async () => {
    const read = {
      do: 'run',
      command: 'wc -c < "$QUARTET_PROMPT_FILE" > size && git add size && git commit -qm Size',
    } as const
    const arena = await makeArena({ script: play(read, say('Read.')) })
    const core = await openCore(arena)
    const { id } = await core.fire(`# A long brief\n\n${'x'.repeat(200_000)}`, agent)
    const ready = await core.until(inStatus(id, 'ready', 'failed', 'waiting'))
    expect(ready).toMatchObject({ status: 'ready', attention: null })
    expect(Number(await sh(ready.worktree, 'show', 'HEAD:size'))).toBeGreaterThan(200_000)
    // The model is told where it is, once.
    const [message = ''] = arena.model.requests[0]?.userMessages ?? []
    expect(message).toMatch(/prompt\.md because it is long/)
    expect(message.length).toBeLessThan(2_000)
  })
})
