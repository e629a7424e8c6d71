import { readFileSync } from 'node:fs'

/**
 * What a run of vitest counted, by its report of JSON; a run that left none, or failed without a failed test, counts as one failure.
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function readTotals(report, code) {
  let json = null
  try {
    json = JSON.parse(readFileSync(report, 'utf8'))
  } catch {
    // It ended before it could write one.
  }
  const total = {
    passed: json?.numPassedTests ?? 0,
    failed: json?.numFailedTests ?? 0,
    skipped: (json?.numPendingTests ?? 0) + (json?.numTodoTests ?? 0),
  }
  // A file that cannot be loaded has no tests to count, and an error between tests belongs to none.
  const broken = (json?.testResults ?? []).filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  )
  total.failed += broken.length
  if (code !== 0 && total.failed === 0) total.failed = 1
  return total
}
