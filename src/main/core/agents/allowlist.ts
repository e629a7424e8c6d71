import type { Environment, LaunchContext } from './driver.ts'

/** Variables by which a program works as it does in the engineer's own terminal; `*` at the end stands for any rest. */
const EVERY_AGENT: readonly string[] = [
  ...['PATH', 'HOME', 'USER', 'LOGNAME', 'SHELL', 'LANG', 'LANGUAGE', 'LC_*', 'TZ', 'TMPDIR', 'TEMP', 'TMP'],
  ...['XDG_*', 'SSH_AUTH_SOCK', 'GNUPGHOME', 'DISPLAY', 'WAYLAND_DISPLAY', 'DBUS_SESSION_BUS_ADDRESS'],
  ...['EDITOR', 'VISUAL', 'PAGER', 'GIT_AUTHOR_*', 'GIT_COMMITTER_*', 'GIT_SSH', 'GIT_SSH_COMMAND'],
  // Networks with a proxy or certificates of their own.
  ...[
    'http_proxy',
    'https_proxy',
    'no_proxy',
    'all_proxy',
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'NO_PROXY',
    'ALL_PROXY',
  ],
  ...['SSL_CERT_FILE', 'SSL_CERT_DIR', 'NODE_EXTRA_CA_CERTS', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
  // Tool chains: an agent runs the same builds as the engineer.
  ...['JAVA_HOME', 'GOPATH', 'GOROOT', 'GOBIN', 'GOPROXY', 'CARGO_HOME', 'RUSTUP_HOME', 'RUSTUP_TOOLCHAIN'],
  ...[
    'NVM_DIR',
    'NVM_BIN',
    'NVM_INC',
    'FNM_*',
    'VOLTA_HOME',
    'PNPM_HOME',
    'COREPACK_HOME',
    'BUN_INSTALL',
    'DENO_INSTALL',
  ],
  ...[
    'PYENV_ROOT',
    'PYENV_SHELL',
    'CONDA_*',
    'VIRTUAL_ENV',
    'UV_*',
    'PIP_*',
    'RBENV_ROOT',
    'GEM_HOME',
    'GEM_PATH',
  ],
  ...['ASDF_*', 'MISE_*', '__MISE_*', 'SDKMAN_DIR', 'ANDROID_HOME', 'ANDROID_SDK_ROOT', 'ANDROID_NDK_HOME'],
  ...[
    'HOMEBREW_*',
    'NIX_*',
    'DOTNET_ROOT',
    'GRADLE_USER_HOME',
    'MAVEN_OPTS',
    'M2_HOME',
    'DOCKER_HOST',
    'DOCKER_CONTEXT',
  ],
  ...['PLAYWRIGHT_BROWSERS_PATH', 'LD_LIBRARY_PATH', 'PKG_CONFIG_PATH', 'MANPATH', 'INFOPATH'],
  ...[
    'SystemRoot',
    'SystemDrive',
    'ComSpec',
    'PATHEXT',
    'WINDIR',
    'USERPROFILE',
    'USERNAME',
    'HOMEDRIVE',
    'HOMEPATH',
  ],
  ...['APPDATA', 'LOCALAPPDATA', 'ProgramData', 'ProgramFiles', 'ProgramFiles(x86)', 'ProgramW6432'],
]

/** Keys of model providers, for agents of which we do not know the provider. */
export const PROVIDER_KEYS: readonly string[] = [
  ...[
    'OPENAI_*',
    'ANTHROPIC_*',
    'GEMINI_*',
    'GOOGLE_API_KEY',
    'GOOGLE_GENERATIVE_AI_API_KEY',
    'OPENROUTER_*',
    'AZURE_*',
  ],
  ...[
    'MISTRAL_*',
    'DEEPSEEK_*',
    'XAI_*',
    'GROQ_*',
    'CEREBRAS_*',
    'OLLAMA_*',
    'MOONSHOT_*',
    'ZAI_*',
    'DASHSCOPE_*',
  ],
]

/**
 * Never given, whatever a list says: the power to act on a forge or a tracker, and what changes how our own processes run.
 * An agent that wants to open a pull request does so through us, or not at all.
 */
const NEVER: readonly RegExp[] = [
  /^(GH|GITHUB|GITLAB|GL|GITEA|FORGEJO|BITBUCKET|BB|LINEAR|JIRA|ATLASSIAN|ASANA|NOTION|SLACK|SENTRY)_/i,
  /^(NPM|NODE_AUTH|CARGO_REGISTRY|PYPI|TWINE|RUBYGEMS)_.*(TOKEN|PASSWORD|AUTH)/i,
  /^NODE_AUTH_TOKEN$/i,
  /^(ELECTRON|CHROME|VSCODE|QUARTET)_/i,
  /^NODE_(OPTIONS|PATH|CHANNEL_FD|CHANNEL_SERIALIZATION_MODE|REPL_EXTERNAL_MODULE)$/i,
  /^npm_/,
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|CEILING_DIRECTORIES|CONFIG.*|NAMESPACE|PREFIX|EXEC_PATH|ASKPASS)$/,
  /^(LD_PRELOAD|DYLD_INSERT_LIBRARIES|BASH_ENV|ENV|PROMPT_COMMAND)$/,
]

/** A variable with such a name passes only when a driver's list names it, or its family, as a provider's. */
const SECRET_NAME = /TOKEN|SECRET|PASSW|API_?KEY|PRIVATE_?KEY|CREDENTIAL|(^|_)AUTH$|(^|_)KEY$/i

const matches = (name: string, pattern: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern

/** True for a variable that every agent may have and that holds no secret as far as its name tells. */
export function isPlain(name: string): boolean {
  if (NEVER.some((shape) => shape.test(name)) || SECRET_NAME.test(name)) return false
  return EVERY_AGENT.some((pattern) => matches(name, pattern))
}

/** True for what never reaches an agent nor the disk. */
export function isForbidden(name: string): boolean {
  return NEVER.some((shape) => shape.test(name))
}

/** What of `env` an agent gets: the plain variables and those of its own provider (`own`: names, or families ending in `*`). */
export function allowed(env: Environment, own: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => isPlain(name) || (!isForbidden(name) && own.some((pattern) => matches(name, pattern))),
    ),
  )
}

/**
 * The complete environment of an attempt's terminal: what is allowed, what the terminal is, and the attempt's own variables
 * (QUARTET_ATTEMPT, QUARTET_HOOK_FILE, QUARTET_PROMPT_FILE, PORT, QUARTET_PORT_BASE, QUARTET_PORT_COUNT).
 */
export function launchEnvironment(context: LaunchContext, own: readonly string[]): Record<string, string> {
  const { base, count } = context.ports ?? { base: null, count: null }
  return {
    ...allowed(context.env, own),
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
    QUARTET_ATTEMPT: context.attemptId,
    QUARTET_HOOK_FILE: context.hook.file,
    QUARTET_PROMPT_FILE: context.promptFile,
    ...(base === null
      ? {}
      : { PORT: String(base), QUARTET_PORT_BASE: String(base), QUARTET_PORT_COUNT: String(count) }),
  }
}
