import { access, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { SignIn } from '../../../shared/domain/host.ts'
import type { Environment } from './driver.ts'
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

/** Whether an agent is signed in, as far as its own files and variables tell; null for agents of which we cannot know. */
export async function signInOf(agent: string, env: Environment): Promise<SignIn | null> {
  if (agent === 'codex') return codexSignIn(env)
  if (agent === 'claude') return claudeSignIn(env)
  if (agent === 'opencode') return openCodeSignIn(env)
  return null
}
