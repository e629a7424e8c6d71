import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isFailure } from '../../../shared/domain/failure.ts'
import { repositoryPlace } from './place.ts'

/**
 * A text that changes whenever the repository's folder, its configuration or one of its branches may have, read without a
 * process: what is looked at every minute must not cost one. A repository that is gone has a footprint, too.
 */
export async function repositoryFootprint(repo: string, branch: string): Promise<string> {
  let home: string
  try {
    home = (await repositoryPlace(repo)).commonDir
  } catch (error) {
    if (isFailure(error)) return error.code
    throw error
  }
  const files = ['HEAD', 'config', 'packed-refs', 'reftable', `refs/heads/${branch}`]
  // Of the folder itself only which one it is: its time changes with every file that an editor saves in it.
  const folder = await stat(repo).then(
    ({ dev, ino }) => `${dev}:${ino}`,
    () => '-',
  )
  const parts = await Promise.all(
    files.map((file) =>
      stat(join(home, file), { bigint: true }).then(
        ({ ino, size, mtimeNs }) => `${ino}:${size}:${mtimeNs}`,
        () => '-',
      ),
    ),
  )
  return [folder, home, ...parts].join(' ')
}
