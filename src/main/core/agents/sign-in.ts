import { access, readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { SignIn } from '../../../shared/domain/host.ts'
import type { Environment } from './driver.ts'
import { codexHome } from './usage/codex-usage.ts'

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

/** Whether an agent is signed in, as far as its own files and variables tell; null for agents of which we cannot know. */
export async function signInOf(agent: string, env: Environment): Promise<SignIn | null> {
  if (agent === 'codex') return codexSignIn(env)
  if (agent === 'claude') return claudeSignIn(env)
  return null
}
