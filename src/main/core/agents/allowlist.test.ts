import { expect, test } from 'vitest'
import { allowed, launchEnvironment, PROVIDER_KEYS } from './allowlist.ts'
import { makeContext, slot, tempDir } from './test-support.ts'

/** What must reach no agent, whatever list a driver has. */
const SECRETS = [
  ...['GITHUB_TOKEN', 'GH_TOKEN', 'GH_ENTERPRISE_TOKEN', 'GITLAB_TOKEN', 'GITEA_TOKEN', 'BITBUCKET_TOKEN'],
  ...[
    'LINEAR_API_KEY',
    'JIRA_API_TOKEN',
    'SLACK_BOT_TOKEN',
    'NPM_TOKEN',
    'NODE_AUTH_TOKEN',
    'npm_config__auth',
  ],
  ...['QUARTET_TOKEN', 'QUARTET_DATA_DIR', 'ELECTRON_RUN_AS_NODE', 'NODE_OPTIONS', 'VSCODE_IPC_HOOK'],
  ...['HOMEBREW_GITHUB_API_TOKEN', 'GIT_DIR', 'GIT_INDEX_FILE', 'GIT_CONFIG_COUNT', 'LD_PRELOAD', 'BASH_ENV'],
  ...['DATABASE_PASSWORD', 'MY_SECRET', 'STRIPE_SECRET_KEY', 'UV_PUBLISH_TOKEN'],
]

const everything = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 'value']))

test('forge and tracker tokens and our own variables reach no agent', () => {
  const own = ['*', ...PROVIDER_KEYS, 'GITHUB_*', 'QUARTET_*'].filter((name) => name !== '*')
  expect(allowed(everything(SECRETS), own)).toEqual({})
})

test('an agent gets the keys of its own provider and not those of others', () => {
  const env = everything(['ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'AWS_SECRET_ACCESS_KEY', 'PATH'])
  expect(Object.keys(allowed(env, ['ANTHROPIC_*']))).toEqual(['ANTHROPIC_API_KEY', 'PATH'])
  expect(Object.keys(allowed(env, ['OPENAI_*']))).toEqual(['OPENAI_API_KEY', 'PATH'])
})

test('what makes tools work as at home is passed on', () => {
  const names = [
    'PATH',
    'HOME',
    'LANG',
    'LC_ALL',
    'SSH_AUTH_SOCK',
    'https_proxy',
    'NVM_DIR',
    'CARGO_HOME',
    'XDG_RUNTIME_DIR',
  ]
  expect(Object.keys(allowed(everything(names), []))).toEqual(names)
})

test('an attempt has its terminal, its files and its ports', async () => {
  const worktree = await tempDir()
  const context = await makeContext({
    slot: slot({ agent: 'shell' }),
    worktree,
    ports: { base: 41_000, count: 10 },
    telemetry: null,
  })
  const env = launchEnvironment({ ...context, env: { PATH: '/bin', TERM: 'dumb', PORT: '1' } }, [])
  expect(env).toEqual({
    PATH: '/bin',
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    QUARTET_ATTEMPT: 'att_1',
    QUARTET_HOOK_FILE: context.hook.file,
    QUARTET_PROMPT_FILE: context.promptFile,
    PORT: '41000',
    QUARTET_PORT_BASE: '41000',
    QUARTET_PORT_COUNT: '10',
  })
})
