import { access, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { SignIn } from '../../../shared/domain/host.ts'
import type { Environment } from './driver.ts'
import { geminiHome, geminiRoot, geminiSettings } from './drivers/gemini-home.ts'
import { codexHome } from './usage/codex-usage.ts'
import { openCodeConfig, openCodeData } from './usage/opencode-store.ts'

const said = (state: SignIn['state'], detail: string): SignIn => ({ state, detail })

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

/** The first of these variables that is set. */
const firstOf = (env: Environment, names: readonly string[]): string | undefined =>
  names.find((name) => (env[name] ?? '') !== '')

const Auth = z.looseObject({ OPENAI_API_KEY: z.string().nullish(), tokens: z.unknown().nullish() })

async function codexSignIn(env: Environment): Promise<SignIn> {
  const home = codexHome(env)
  const config = await readFile(join(home, 'config.toml'), 'utf8').catch(() => '')
  // A key of the engineer's own provider, if that one is chosen.
  const key = /^\s*env_key\s*=\s*["']([A-Za-z_]\w*)["']/m.exec(config)?.[1]
  if (/^\s*model_provider\s*=/m.test(config) && key)
    return env[key] ? said('yes', `a provider of your own, by ${key}`) : said('no', `${key} is not set`)
  const text = await readFile(join(home, 'auth.json'), 'utf8').catch(() => null)
  if (text !== null) {
    try {
      const auth = Auth.parse(JSON.parse(text))
      if (auth.tokens) return said('yes', 'by an account')
      if (auth.OPENAI_API_KEY) return said('yes', 'by an API key')
    } catch {
      return said('unknown', `${join(home, 'auth.json')} cannot be read`)
    }
  }
  const variable = firstOf(env, ['OPENAI_API_KEY', 'CODEX_API_KEY'])
  if (variable) return said('yes', `by ${variable}`)
  if (/cli_auth_credentials_store\s*=\s*["'](keyring|auto)["']/.test(config))
    return said('unknown', 'its keys are kept by the system')
  return said('no', 'run “codex login” once')
}

const Account = z.looseObject({ oauthAccount: z.unknown().nullish(), primaryApiKey: z.string().nullish() })

async function claudeSignIn(env: Environment): Promise<SignIn> {
  const variable = firstOf(env, [
    ...['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN', 'CLAUDE_CODE_OAUTH_TOKEN'],
    ...['CLAUDE_CODE_USE_BEDROCK', 'CLAUDE_CODE_USE_VERTEX', 'CLAUDE_CODE_USE_FOUNDRY'],
  ])
  if (variable) return said('yes', `by ${variable}`)
  const home = env.HOME ?? homedir()
  const dir = env.CLAUDE_CONFIG_DIR || join(home, '.claude')
  if (await exists(join(dir, '.credentials.json'))) return said('yes', 'by an account')
  const state = join(env.CLAUDE_CONFIG_DIR || home, '.claude.json')
  const text = await readFile(state, 'utf8').catch(() => null)
  try {
    const account = text === null ? {} : Account.parse(JSON.parse(text))
    if (account.primaryApiKey) return said('yes', 'by an API key')
    // On macOS the keychain has the token: that an account was chosen says that there was one.
    if (account.oauthAccount)
      return process.platform === 'darwin'
        ? said('yes', 'by an account')
        : said('unknown', 'an account was chosen, but its token is not there')
  } catch {
    return said('unknown', `${state} cannot be read`)
  }
  return said('no', 'run “claude” once and log in')
}

const Keys = z.record(z.string(), z.looseObject({ type: z.string() }))

/** OpenCode speaks to many providers, and has models of its own that need no account: what it lacks can only be guessed. */
async function openCodeSignIn(env: Environment): Promise<SignIn> {
  const file = join(openCodeData(env), 'auth.json')
  const text = env.OPENCODE_AUTH_CONTENT || (await readFile(file, 'utf8').catch(() => null))
  try {
    const providers = Object.keys(text === null ? {} : Keys.parse(JSON.parse(text)))
    if (providers.length > 0) return said('yes', `with ${providers.join(', ')}`)
  } catch {
    return said('unknown', `${file} cannot be read`)
  }
  const variable = firstOf(env, [
    ...['OPENCODE_API_KEY', 'ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'OPENROUTER_API_KEY', 'GEMINI_API_KEY'],
    ...['GOOGLE_GENERATIVE_AI_API_KEY', 'MISTRAL_API_KEY', 'DEEPSEEK_API_KEY', 'XAI_API_KEY', 'GROQ_API_KEY'],
  ])
  if (variable) return said('yes', `by ${variable}`)
  const settings = ['opencode.json', 'opencode.jsonc'].map((name) => join(openCodeConfig(env), name))
  const texts = await Promise.all(settings.map((path) => readFile(path, 'utf8').catch(() => '')))
  if (texts.some((one) => /"apiKey"\s*:/.test(one))) return said('yes', 'by a key in its settings')
  return said('unknown', 'no key of a provider was found: only models that need none will work')
}

/** What the engineer chose in its first dialog, by its settings (older ones name it elsewhere). */
const GEMINI_CHOICE = /"(?:selectedType|selectedAuthType)"\s*:\s*"([\w-]+)"/

async function geminiSignIn(env: Environment): Promise<SignIn> {
  const home = geminiHome(env)
  const choice = GEMINI_CHOICE.exec(await geminiSettings(env))?.[1]
  // It reads one such file of the home, the first that is there.
  const ownFile = await readFile(join(home, '.env'), 'utf8').catch(() =>
    readFile(join(geminiRoot(env), '.env'), 'utf8').catch(() => ''),
  )
  const isSet = (name: string) =>
    (env[name] ?? '') !== '' || new RegExp(`^\\s*(export\\s+)?${name}\\s*=\\s*\\S`, 'm').test(ownFile)
  switch (choice) {
    case undefined:
      return said('no', 'run “gemini” once and choose how to sign in')
    case 'gemini-api-key':
      if (isSet('GEMINI_API_KEY')) return said('yes', 'by GEMINI_API_KEY')
      return said('unknown', 'an API key was chosen, and is perhaps kept by the system')
    case 'oauth-personal':
      if (await exists(join(home, 'oauth_creds.json'))) return said('yes', 'by an account')
      return said('unknown', 'an account was chosen, and its token is perhaps kept by the system')
    case 'vertex-ai':
      if (isSet('GOOGLE_API_KEY')) return said('yes', 'by GOOGLE_API_KEY')
      if (isSet('GOOGLE_CLOUD_PROJECT') && isSet('GOOGLE_CLOUD_LOCATION')) return said('yes', 'by Vertex AI')
      return said('no', 'Vertex AI was chosen, but neither a key nor a project with its location is set')
    default:
      return said('unknown', `it signs in by “${choice}”`)
  }
}

/** Whether an agent is signed in, as far as its own files and variables tell; null for agents of which we cannot know. */
export async function signInOf(agent: string, env: Environment): Promise<SignIn | null> {
  if (agent === 'codex') return codexSignIn(env)
  if (agent === 'claude') return claudeSignIn(env)
  if (agent === 'gemini') return geminiSignIn(env)
  if (agent === 'opencode') return openCodeSignIn(env)
  return null
}
