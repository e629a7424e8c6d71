import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { signInOf } from './sign-in.ts'
import { tempDir } from './test-support.ts'

async function home(files: Readonly<Record<string, string>>) {
  const dir = await tempDir('home')
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true })
    await writeFile(join(dir, name), text)
  }
  return dir
}

const PROVIDER = 'model_provider = "q"\n[model_providers.q]\nenv_key = "MY_KEY"\n'

const GEMINI = (choice: string) => ({
  '.gemini/settings.json': `{ "security": { "auth": { "selectedType": "${choice}" } } // chosen\n }`,
})

test.each<[string, Record<string, string>, Record<string, string>, string]>([
  ['codex', {}, {}, 'no'],
  ['codex', { '.codex/auth.json': '{"tokens":{"id_token":"x"}}' }, {}, 'yes'],
  ['codex', { '.codex/auth.json': '{"OPENAI_API_KEY":"sk"}' }, {}, 'yes'],
  ['codex', { '.codex/auth.json': '{"OPENAI_API_KEY":null}' }, {}, 'no'],
  ['codex', { '.codex/auth.json': 'broken' }, {}, 'unknown'],
  ['codex', { '.codex/config.toml': 'cli_auth_credentials_store = "keyring"' }, {}, 'unknown'],
  ['codex', { '.codex/config.toml': PROVIDER }, {}, 'no'],
  ['codex', { '.codex/config.toml': PROVIDER }, { MY_KEY: 'k' }, 'yes'],
  ['codex', {}, { OPENAI_API_KEY: 'sk' }, 'yes'],
  ['claude', {}, {}, 'no'],
  ['claude', {}, { ANTHROPIC_API_KEY: 'sk' }, 'yes'],
  ['claude', { '.claude/.credentials.json': '{}' }, {}, 'yes'],
  ['claude', { '.claude.json': '{"primaryApiKey":"sk"}' }, {}, 'yes'],
  ['claude', { '.claude.json': '{"theme":"dark"}' }, {}, 'no'],
  ['claude', { '.claude.json': '{' }, {}, 'unknown'],
  ['gemini', {}, {}, 'no'],
  // A key alone is not used before it was chosen once.
  ['gemini', {}, { GEMINI_API_KEY: 'k' }, 'no'],
  ['gemini', GEMINI('gemini-api-key'), { GEMINI_API_KEY: 'k' }, 'yes'],
  ['gemini', { ...GEMINI('gemini-api-key'), '.gemini/.env': 'GEMINI_API_KEY=k' }, {}, 'yes'],
  ['gemini', { ...GEMINI('gemini-api-key'), '.env': 'export GEMINI_API_KEY = k' }, {}, 'yes'],
  ['gemini', GEMINI('gemini-api-key'), {}, 'unknown'],
  ['gemini', { ...GEMINI('oauth-personal'), '.gemini/oauth_creds.json': '{}' }, {}, 'yes'],
  ['gemini', GEMINI('oauth-personal'), {}, 'unknown'],
  ['gemini', GEMINI('vertex-ai'), { GOOGLE_CLOUD_PROJECT: 'p', GOOGLE_CLOUD_LOCATION: 'l' }, 'yes'],
  ['gemini', GEMINI('vertex-ai'), { GOOGLE_CLOUD_PROJECT: 'p' }, 'no'],
  ['gemini', GEMINI('cloud-shell'), {}, 'unknown'],
  ['opencode', {}, {}, 'unknown'],
  ['opencode', { '.local/share/opencode/auth.json': '{"anthropic":{"type":"api","key":"k"}}' }, {}, 'yes'],
  ['opencode', { '.local/share/opencode/auth.json': '{}' }, {}, 'unknown'],
  ['opencode', { '.local/share/opencode/auth.json': 'broken' }, { OPENAI_API_KEY: 'sk' }, 'unknown'],
  [
    'opencode',
    { '.config/opencode/opencode.jsonc': '{"provider":{"q":{"options":{"apiKey": "k"}}}}' },
    {},
    'yes',
  ],
  ['opencode', {}, { OPENROUTER_API_KEY: 'k' }, 'yes'],
])('%s with %j and %j: %s', async (agent, files, env, state) => {
  expect((await signInOf(agent, { HOME: await home(files), ...env }))?.state).toBe(state)
})

test('of agents whose files we do not know nothing is said', async () => {
  expect(await signInOf('an-agent-of-tomorrow', { HOME: await home({}) })).toBeNull()
})
