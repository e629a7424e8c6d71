import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * An empty home for every test: login shells, git and agents read the engineer's own files otherwise, and a test would
 * prove something about those (a slow ~/.bashrc once failed fourteen of them). Given to the workers by the environment.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), 'quartet-test-home-'))
  process.env.HOME = home
  delete process.env.XDG_CONFIG_HOME
  return () => rm(home, { recursive: true, force: true })
}
