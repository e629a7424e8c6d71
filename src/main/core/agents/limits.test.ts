import { expect, test } from 'vitest'
import { readLimit } from './limits.ts'

/** Sunday, 22 November 2026, 10:00 UTC. */
const NOW = Date.UTC(2026, 10, 22, 10)
const MINUTE = 60_000
const HOUR = 60 * MINUTE

test.each([
  ['Rate limit reached for gpt-6. Please try again in 20s.', NOW + 20_000],
  ["You've hit your usage limit. Try again in 3 days 4 hours 20 minutes.", NOW + 76 * HOUR + 20 * MINUTE],
  ["You've hit your usage limit. Upgrade to Pro or try again in 1h 30m.", NOW + 90 * MINUTE],
  ["You've hit your session limit · resets 3pm (UTC)", Date.UTC(2026, 10, 22, 15)],
  ["You've hit your session limit · resets 3pm (Europe/Berlin)", Date.UTC(2026, 10, 22, 14)],
  ["You've hit your session limit · resets 9:30am (UTC)", Date.UTC(2026, 10, 23, 9, 30)],
  ["You've hit your weekly limit · resets Nov 25 at 9am (UTC)", Date.UTC(2026, 10, 25, 9)],
  ["You've hit your weekly limit · resets Jan 2, 12am (UTC)", Date.UTC(2027, 0, 2, 0)],
  ['Usage limit reached. Your limit will reset, try again at 17:05 (UTC)', Date.UTC(2026, 10, 22, 17, 5)],
  ['Claude AI usage limit reached|1795370400', 1_795_370_400_000],
  ['exceeded retry limit, last status: 429 Too Many Requests', null],
  ['You exceeded your current quota, please check your plan', null],
  ['429 rate_limit_error · retrying in 12s · attempt 1/10', NOW + 12_000],
])('%s', (text, resetsAt) => {
  expect(readLimit(text, NOW, 'UTC')).toEqual({ text, resetsAt })
})

test.each([
  ['All done, I raised the limit of the list to 20.'],
  ['The test failed: expected 429 lines, got 428'],
  ['I have no more credit card forms to change.'],
  [''],
])('says nothing about “%s”', (text) => {
  expect(readLimit(text, NOW, 'UTC')).toBeNull()
})

test('the time in the next line belongs to it', () => {
  expect(readLimit("You've hit your usage limit.\nTry again in 5 minutes.", NOW, 'UTC')?.resetsAt).toBe(
    NOW + 5 * MINUTE,
  )
})
