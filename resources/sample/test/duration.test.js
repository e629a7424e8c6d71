import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatDuration, parseDuration } from '../src/duration.js'

test('reads hours, minutes and seconds', () => {
  assert.equal(parseDuration('1h 30m'), 5_400_000)
  assert.equal(parseDuration('45s'), 45_000)
})

test('refuses what is no duration', () => {
  assert.throws(() => parseDuration('soon'), RangeError)
})

test('writes minutes and seconds', () => {
  assert.equal(formatDuration(0), '0:00')
  assert.equal(formatDuration(42_000), '0:42')
  assert.equal(formatDuration(185_000), '3:05')
})
