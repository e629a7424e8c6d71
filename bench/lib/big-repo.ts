import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { exec } from './measure.ts'
import { random } from './stats.ts'

/** Git as a person runs it, without anybody's configuration. */
export function plainGitEnv(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
    LC_ALL: 'C',
  }
}

/** A repository of `files` files of 3.3 kB each, ten to a folder, written by fast-import; gives its commit. */
export async function makeBigRepo(folder: string, files: number): Promise<{ repo: string; base: string }> {
  const repo = join(folder, `repo-${files}`)
  await mkdir(repo, { recursive: true })
  const env = plainGitEnv(folder)
  await exec('git', ['init', '-q', '-b', 'main', repo], { env })
  await new Promise<void>((resolve, reject) => {
    const child = spawn('git', ['fast-import', '--quiet'], {
      cwd: repo,
      env,
      stdio: ['pipe', 'ignore', 'inherit'],
    })
    child.once('error', reject)
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`fast-import ended with ${code}`)),
    )
    const chance = random(7)
    const line = () => `export const value${Math.floor(chance() * 1e9)} = ${Math.floor(chance() * 1e9)}\n`
    const fill = async () => {
      child.stdin.write(
        'commit refs/heads/main\ncommitter Ada <ada@example.org> 1700000000 +0000\ndata 5\nFirst\n',
      )
      for (let i = 0; i < files; i++) {
        const text = `// ${i}\n${line().repeat(20 + Math.floor(chance() * 140))}`
        const at = `packages/p${Math.floor(i / 1_000)}/d${Math.floor(i / 10)}/file-${i}.ts`
        if (!child.stdin.write(`M 100644 inline ${at}\ndata ${Buffer.byteLength(text)}\n${text}\n`)) {
          await new Promise((drained) => child.stdin.once('drain', drained))
        }
      }
      child.stdin.end()
    }
    fill().catch(reject)
  })
  return { repo, base: (await exec('git', ['-C', repo, 'rev-parse', 'main'], { env })).trim() }
}
