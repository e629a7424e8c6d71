import assert from 'node:assert/strict'
import { test } from 'node:test'
import { averageLap, fastestLap } from '../src/laps.js'

test('averages laps', () => {
  assert.equal(averageLap([61_000, 59_000]), 60_000)
  assert.equal(averageLap([]), 0)
})

test('finds the fastest lap', () => {
  assert.equal(fastestLap([61_000, 59_000, 64_000]), 59_000)
  assert.equal(fastestLap([]), null)
})
