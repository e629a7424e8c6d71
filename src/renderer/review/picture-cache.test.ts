import { expect, test } from 'vitest'
import { PictureCache } from './picture-cache.ts'

const picture = (chars: number) => ({ base64: 'x'.repeat(chars) })

test('keeps what was shown last within its bound, and always the newest', () => {
  const cache = new PictureCache(10)
  cache.put('a', picture(4))
  cache.put('b', picture(4))
  expect(cache.get('a')).toEqual(picture(4))
  cache.put('c', picture(4))
  expect(cache.get('b')).toBeUndefined()
  expect([cache.get('a'), cache.get('c')]).toEqual([picture(4), picture(4)])
  cache.put('d', picture(50))
  expect([cache.get('a'), cache.get('c')]).toEqual([undefined, undefined])
  expect(cache.get('d')).toEqual(picture(50))
})

test('counts a picture once, however often it is put', () => {
  const cache = new PictureCache(10)
  for (let i = 0; i < 5; i++) cache.put('a', picture(6))
  cache.put('b', picture(4))
  expect(cache.get('a')).toEqual(picture(6))
})
