import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['e2e/agents/**/*.test.ts'],
    environment: 'node',
    // Real agents start in seconds, and wait for their own retries.
    testTimeout: 180_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Each test starts up to four agents of 200 MB.
    maxWorkers: 1,
  },
})
