import { Failure } from '../../../shared/domain/failure.ts'
import type { Ledger } from '../db/ledger.ts'
import type { Git } from '../git/git.ts'
import { headOf } from './attempt-head.ts'
import { type PictureSize, pictureSize, pictureType } from './pictures.ts'

export interface ChangedPicturesDeps {
  ledger: Ledger
  git: Pick<Git, 'readFileAt' | 'resolveRef'>
}

/** A picture beyond this is not sent to a window. */
const MAX_BYTES = 4 * 1024 * 1024
/** A few kB can say that they are a picture of 60,000 px squared: drawing one costs four bytes a pixel. */
const MAX_PIXELS = 40_000_000

export interface ChangedPicture extends PictureSize {
  mime: string
  bytes: number
  base64: string
}

export interface WantedPicture {
  id: string
  /** Its path on that side. */
  path: string
  /** `new`: as the attempt has it. `old`: as its base has it, or the attempt that it is compared with. */
  side: 'old' | 'new'
  against: string | null
}

/** Pictures that a change adds, removes or replaces. */
export class ChangedPictures {
  readonly #deps: ChangedPicturesDeps

  constructor(deps: ChangedPicturesDeps) {
    this.#deps = deps
  }

  /** Throws `not_found` when that side has no such file, `limit` when it is too large, `invalid_input` when it is no picture. */
  async read({ id, path, side, against }: WantedPicture): Promise<ChangedPicture> {
    const { ledger, git } = this.#deps
    const attempt = ledger.require('attempts', id)
    const repo = ledger.require('repositories', attempt.repoId).path
    const other = against === null ? null : ledger.require('attempts', against)
    if (other && other.repoId !== attempt.repoId)
      throw new Failure('invalid_input', 'Attempts of two repositories cannot be compared.')
    const sha =
      side === 'new'
        ? await headOf(git, repo, attempt)
        : other
          ? await headOf(git, repo, other)
          : attempt.baseSha
    const { content, truncated } = await git.readFileAt({ repo, sha, path, maxBytes: MAX_BYTES })
    const mime = pictureType(content)
    if (!mime) throw new Failure('invalid_input', 'It is no picture that can be shown.', { path })
    const size = pictureSize(content, mime)
    if (!size) throw new Failure('invalid_input', 'It begins like a picture, but is none.', { path })
    if (truncated) throw new Failure('limit', 'It is larger than 4 MiB.', { path })
    if (size.width * size.height > MAX_PIXELS)
      throw new Failure('limit', `It is too large to be drawn: ${size.width} × ${size.height} px.`, { path })
    return { mime, ...size, bytes: content.length, base64: content.toString('base64') }
  }
}
