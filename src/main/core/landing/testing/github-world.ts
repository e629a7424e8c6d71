import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sh } from '../../git/fixtures.ts'
import { emulatedForge, TOKEN } from './emulated-forge.ts'
import { openWorld, type WorldOptions, worldDir } from './world.ts'

/** The remote's URL as a person knows it; the user's own git configuration leads it to the bare repository. */
export const REMOTE = 'https://forge.test/acme/app.git'

export const bareOf = (dir: string) => join(dir, 'origin.git')

/** Options of a world whose repository lands through the emulated forge. */
export const githubOptions = (dir: string, url: string, more: WorldOptions = {}): WorldOptions => ({
  dir,
  forge: 'github',
  remoteUrl: REMOTE,
  forgeHosts: { 'forge.test': url },
  ...more,
  env: { GH_ENTERPRISE_TOKEN: TOKEN, ...more.env },
})

/** A world with a bare repository as its remote and GitHub in front of it. */
export async function githubWorld(options: WorldOptions = {}) {
  const dir = options.dir ?? worldDir()
  writeFileSync(
    join(dir, '.gitconfig'),
    `[url "${bareOf(dir)}"]\n  insteadOf = ${REMOTE}\n[user]\n  name = Ada\n  email = ada@example.org\n`,
  )
  // The repository first: the remote is a copy of it.
  const seed = await openWorld({ ...options, dir, env: { ...options.env } })
  await seed.close()
  sh(dir, 'clone', '-q', '--bare', join(dir, 'app'), 'origin.git')
  const forge = await emulatedForge(bareOf(dir))
  const world = await openWorld({ ...githubOptions(dir, forge.url, options), again: true })
  world.ledger.commit((tx) =>
    tx.patch('repositories', world.repository().id, { forge: 'github', remoteUrl: REMOTE }),
  )
  return { dir, forge, world, bare: bareOf(dir) }
}
