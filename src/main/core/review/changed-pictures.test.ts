import { describe, expect, it } from 'vitest'
import { agentCommits, codeOf, sh } from '../git/fixtures.ts'
import { png } from '../testing/png.ts'
import { reviewWorld } from '../testing/review-world.ts'
import { pictureSize, pictureType } from './pictures.ts'

describe('the size of a picture', () => {
  const webp = (form: string, at: number, bytes: number[]) => {
    const file = Buffer.alloc(40)
    file.write('RIFF', 0, 'latin1')
    file.write(`WEBP${form}`, 8, 'latin1')
    Buffer.from(bytes).copy(file, at)
    return file
  }
  it.each([
    ['a PNG', png(640, 480), 'image/png', { width: 640, height: 480 }],
    ['a GIF', Buffer.from('GIF89a\x40\x01\xf0\x00', 'latin1'), 'image/gif', { width: 320, height: 240 }],
    [
      'a JPEG, behind padding and other segments',
      Buffer.from('ffd8ffe000044a46ffffc4000400ffffc2000b0800f00140010122', 'hex'),
      'image/jpeg',
      { width: 320, height: 240 },
    ],
    [
      'an extended WebP',
      webp('VP8X', 24, [0x3f, 1, 0, 0xef, 0, 0]),
      'image/webp',
      { width: 320, height: 240 },
    ],
    ['a lossy WebP', webp('VP8 ', 26, [0x40, 1, 0xf0, 0]), 'image/webp', { width: 320, height: 240 }],
    ['a lossless WebP', webp('VP8L', 21, [0x3f, 0xc1, 0x3b, 0]), 'image/webp', { width: 320, height: 240 }],
  ])('is read from %s', (_what, bytes, type, size) => {
    expect(pictureType(bytes)).toBe(type)
    expect(pictureSize(bytes, type)).toEqual(size)
  })

  it.each([
    ['image/png', png(9, 9).subarray(0, 20)],
    ['image/jpeg', Buffer.from('ffd8ff', 'hex')],
    ['image/jpeg', Buffer.from('ffd8ffe0000400', 'hex')],
    ['image/webp', Buffer.from('RIFF0000WEBPVP8X', 'latin1')],
  ])('is unknown of a %s that ends too early', (type, bytes) => {
    expect(pictureSize(bytes, type)).toBeNull()
  })
})

describe('changed pictures', () => {
  const SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'

  async function arrange() {
    const world = await reviewWorld({ files: { 'old.png': png(4, 3) } })
    const attempt = await world.attempt(1, null)
    const change = {
      'old.png': png(8, 6),
      'new.gif': Buffer.from('GIF89a\x02\x00\x03\x00', 'latin1'),
      'bomb.png': png(30_000, 30_000),
      'drawn.png': SVG,
      'fat.png': Buffer.concat([png(2, 2), Buffer.alloc(5 * 1024 * 1024)]),
    }
    const headSha = agentCommits(attempt.worktree, change)
    world.ledger.commit((tx) => tx.patch('attempts', attempt.id, { headSha }))
    const read = (path: string, side: 'old' | 'new', against: string | null = null) =>
      world.reviewing.pictures.read({ id: attempt.id, path, side, against })
    return { world, attempt, headSha, read }
  }

  it('are given as they were and as they are, with their sizes', async () => {
    const { read, world, attempt, headSha } = await arrange()
    const before = await read('old.png', 'old')
    expect(before).toMatchObject({ mime: 'image/png', width: 4, height: 3, bytes: png(4, 3).length })
    expect(Buffer.from(before.base64, 'base64')).toEqual(png(4, 3))
    expect(await read('old.png', 'new')).toMatchObject({ width: 8, height: 6 })
    expect(await codeOf(read('new.gif', 'old'))).toBe('not_found')
    const other = await world.attempt(2, null)
    agentCommits(other.worktree, { 'old.png': png(5, 5) })
    world.ledger.commit((tx) =>
      tx.patch('attempts', other.id, { headSha: sh(other.worktree, 'rev-parse', 'HEAD') }),
    )
    expect(await read('old.png', 'old', other.id)).toMatchObject({ width: 5, height: 5 })
    // Its worktree is gone and its branch too: what was kept is shown.
    sh(world.repo, 'update-ref', 'refs/quartet/trash/one', headSha)
    world.ledger.commit((tx) =>
      tx.patch('attempts', attempt.id, { trashRef: 'refs/quartet/trash/one', headSha: null }),
    )
    expect(await read('old.png', 'new')).toMatchObject({ width: 8, height: 6 })
  })

  it.each([
    ['drawn.png', 'invalid_input'],
    ['bomb.png', 'limit'],
    ['fat.png', 'limit'],
    ['../../etc/passwd', 'git_failed'],
    ['src', 'not_found'],
  ])('are not given of %s', async (path, code) => {
    const { read } = await arrange()
    expect(await codeOf(read(path, 'new'))).toBe(code)
  })
})
