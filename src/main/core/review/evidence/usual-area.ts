import { dirname } from 'node:path/posix'
import type { Git } from '../../git/git.ts'

/** Files that decide what runs, who may do what, or what an agent is told: each deserves a look of its own. */
const SENSITIVE: readonly (readonly [RegExp, string])[] = [
  [
    /^\.github\/|^\.gitlab-ci\.ya?ml$|^\.circleci\/|^azure-pipelines|^Jenkinsfile$|^\.buildkite\//,
    'decides what CI runs',
  ],
  [/(^|\/)WORKFLOW\.md$/, 'decides what Quartet runs'],
  [/(^|\/)(AGENTS|CLAUDE|GEMINI)\.md$|^\.(claude|codex|cursor|gemini)\//, 'tells agents what to do'],
  [/(^|\/)\.git(attributes|modules|ignore)$|^\.husky\/|(^|\/)\.githooks\//, 'changes how git behaves'],
  [/(^|\/)\.(npmrc|yarnrc(\.yml)?|pypirc|netrc)$|(^|\/)pip\.conf$/, 'decides where packages come from'],
  [/(^|\/)\.env(\.|$)|\.(pem|key|p12|pfx|jks|keystore)$/, 'is where secrets lie'],
  [/(^|\/)(Dockerfile[^/]*|docker-compose[^/]*\.ya?ml|Procfile|.*\.tf)$/, 'decides how it is deployed'],
  [/^\.vscode\/|^\.idea\/|^\.devcontainer\//, 'configures everybody’s editor'],
]

/** How far back the usual area is read, in commits. */
const DEPTHS = [200, 50, 10] as const
const MAX_FILES = 20_000
const MAX_CACHED = 50

/** Two folders deep: `src/main`. Finer would call every second change unusual. */
const areaOf = (path: string): string => {
  const folder = dirname(path)
  return folder === '.' ? '' : folder.split('/').slice(0, 2).join('/')
}

/** Says which files of a change lie outside of where the repository is usually worked on. */
export class UsualArea {
  readonly #git: Git
  /** By repository and base, the newest last: the attempts of a round share one. */
  readonly #cache = new Map<string, Promise<{ areas: Set<string>; commits: number } | null>>()

  constructor(git: Git) {
    this.#git = git
  }

  async unusual(
    repo: string,
    baseSha: string,
    paths: readonly string[],
  ): Promise<{ path: string; why: string }[]> {
    const usual = await this.#areas(repo, baseSha)
    return paths.flatMap((path) => {
      const why = SENSITIVE.find(([shape]) => shape.test(path))?.[1]
      if (why) return [{ path, why }]
      const area = areaOf(path)
      if (!usual || area === '' || usual.areas.has(area)) return []
      return [{ path, why: `nothing in ${area}/ changed in the last ${usual.commits} commits` }]
    })
  }

  /** Where the last commits before `baseSha` worked; null when the history is too short to say. */
  #areas(repo: string, baseSha: string): Promise<{ areas: Set<string>; commits: number } | null> {
    const key = `${repo}\0${baseSha}`
    const known = this.#cache.get(key)
    if (known) return known
    const read = this.#read(repo, baseSha)
    this.#cache.set(key, read)
    // A failure is asked again, not remembered.
    read.catch(() => this.#cache.delete(key))
    for (const old of [...this.#cache.keys()].slice(0, Math.max(0, this.#cache.size - MAX_CACHED)))
      this.#cache.delete(old)
    return read
  }

  async #read(repo: string, baseSha: string): Promise<{ areas: Set<string>; commits: number } | null> {
    for (const commits of DEPTHS) {
      const from = await this.#git.resolveCommit(repo, `${baseSha}~${commits}`).catch(() => null)
      if (from === null) continue
      const stat = await this.#git.diffStatBetween({ repo, from, to: baseSha, maxFiles: MAX_FILES })
      return { areas: new Set(stat.perFile.map((file) => areaOf(file.path))), commits }
    }
    return null
  }
}
