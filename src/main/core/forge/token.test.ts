import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLogger, silentLogger } from '../../kernel/logger.ts'
import { Redactor } from '../../kernel/redact.ts'
import type { SecretStore } from '../../kernel/secret-store.ts'
import { createTokenSource } from './token.ts'

let dir: string
let now = 0
const clock = { now: () => now, monotonic: () => now }

beforeEach(async () => {
  now = 0
  dir = await mkdtemp(join(tmpdir(), 'quartet-token-'))
})
afterEach(() => rm(dir, { recursive: true }))

/** A `gh` that answers for one host only and notes how it was called. */
async function fakeGh(): Promise<string> {
  const path = join(dir, 'gh')
  await writeFile(
    path,
    `#!/bin/sh\necho "$@ [$GH_TOKEN$GITHUB_TOKEN]" >> ${dir}/calls\n[ "$4" = git.example.org ] && { echo token-of-gh-cli; exit 0; }\necho no >&2; exit 1\n`,
  )
  await chmod(path, 0o755)
  return path
}

const source = (options: {
  env?: Record<string, string>
  secrets?: SecretStore
  gh?: string
  redactor?: Redactor
}) =>
  createTokenSource({
    env: options.env ?? {},
    commandEnvironment: async () => ({ PATH: '/usr/bin:/bin', GITHUB_TOKEN: 'must-not-reach-gh' }),
    redactor: options.redactor ?? new Redactor(),
    clock,
    log: silentLogger,
    gh: options.gh ?? join(dir, 'no-such-gh'),
    ...(options.secrets ? { secrets: options.secrets } : {}),
  })

function keychain(values: Record<string, string>): SecretStore {
  return {
    available: async () => true,
    read: async (name) => values[name] ?? null,
    write: async (name, value) => {
      if (value === null) delete values[name]
      else values[name] = value
    },
  }
}

describe('a token', () => {
  it('is taken from the keychain first, then from gh, then from the environment', async () => {
    const env = { GITHUB_TOKEN: 'token-of-environment', GH_ENTERPRISE_TOKEN: 'token-of-environment' }
    const gh = await fakeGh()
    const secrets = keychain({ 'forge-token:git.example.org': 'token-of-keychain' })
    expect(await source({ env, gh, secrets }).get('git.example.org')).toEqual({
      value: 'token-of-keychain',
      source: 'keychain',
    })
    expect(await source({ env, gh }).get('git.example.org')).toEqual({
      value: 'token-of-gh-cli',
      source: 'gh',
    })
    expect(await source({ env, gh }).get('github.com')).toEqual({
      value: 'token-of-environment',
      source: 'environment',
    })
    expect(await source({}).get('github.com')).toBeNull()
    // What is exported is not for gh to echo.
    expect(await readFile(join(dir, 'calls'), 'utf8')).not.toContain('must-not-reach-gh')
  })

  it('is found elsewhere while the keychain refuses', async () => {
    const secrets: SecretStore = {
      ...keychain({}),
      read: async () => {
        throw new Error('locked')
      },
    }
    const env = { GITHUB_TOKEN: 'token-of-environment' }
    expect((await source({ env, secrets }).get('github.com'))?.source).toBe('environment')
  })

  it('of github.com is never given for another host', async () => {
    const env = { GITHUB_TOKEN: 'token-of-github', GH_ENTERPRISE_TOKEN: 'token-of-enterprise' }
    expect((await source({ env }).get('git.example.org'))?.value).toBe('token-of-enterprise')
    expect((await source({ env }).get('octo.ghe.com'))?.value).toBe('token-of-github')
    expect(await source({ env: { GITHUB_TOKEN: 'token-of-github' } }).get('git.example.org')).toBeNull()
  })

  it('cannot be seen in a log once it was found', async () => {
    const redactor = new Redactor()
    const lines: string[] = []
    const log = createLogger((line) => lines.push(line), redactor)
    const token = await source({ env: { GH_TOKEN: 'an-unusual-shape-of-secret' }, redactor }).get(
      'github.com',
    )
    log.info('oops', { token })
    expect(lines.join()).toContain('[redacted]')
    expect(lines.join()).not.toContain('unusual-shape')
  })

  it('is looked for anew after it was refused, and after ten minutes', async () => {
    const values: Record<string, string> = { 'forge-token:github.com': 'first-token' }
    const tokens = source({ secrets: keychain(values) })
    expect((await tokens.get('github.com'))?.value).toBe('first-token')
    values['forge-token:github.com'] = 'second-token'
    expect((await tokens.get('github.com'))?.value).toBe('first-token')
    tokens.forget('github.com')
    expect((await tokens.get('github.com'))?.value).toBe('second-token')
    values['forge-token:github.com'] = 'third-token'
    now += 11 * 60_000
    expect((await tokens.get('github.com'))?.value).toBe('third-token')
  })

  it('is kept only where there is a keychain', async () => {
    const values: Record<string, string> = {}
    const kept = source({ secrets: keychain(values) })
    expect([await kept.canSave(), await kept.save('github.com', ' pasted-token \n')]).toEqual([true, true])
    expect(values).toEqual({ 'forge-token:github.com': 'pasted-token' })
    await expect(kept.save('github.com', 'two words of it')).rejects.toMatchObject({ code: 'invalid_input' })
    expect(await kept.save('github.com', null)).toBe(true)
    expect(values).toEqual({})
    const none = source({ secrets: { ...keychain(values), available: async () => false } })
    expect([await none.canSave(), await none.save('github.com', 'pasted-token')]).toEqual([false, false])
    expect([await source({}).canSave(), await source({}).save('github.com', 'pasted-token')]).toEqual([
      false,
      false,
    ])
    expect(values).toEqual({})
  })

  it('says in words why the keychain did not take it', async () => {
    const secrets: SecretStore = {
      ...keychain({}),
      write: async () => {
        throw new Error('the user said no')
      },
    }
    await expect(source({ secrets }).save('github.com', 'pasted-token')).rejects.toMatchObject({
      code: 'illegal_state',
      message: 'The keychain refused: the user said no',
    })
  })

  it('that could smuggle in a header is none', async () => {
    expect(await source({ env: { GH_TOKEN: 'evil-token\r\nX-Admin: 1' } }).get('github.com')).toBeNull()
  })
})
