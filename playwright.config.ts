import { existsSync } from 'node:fs'
import { defineConfig } from '@playwright/test'
import type { HostOptions } from './e2e/fixtures/host.ts'

/** As the system calls it; `npm test` names what it found or installed. */
const chromium =
  process.env.QUARTET_CHROMIUM ??
  ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))

/** In a container and as root there is no sandbox and no GPU, and what Chromium asks of the network only costs time. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const withElectron = process.env.QUARTET_E2E_ELECTRON === '1'

export default defineConfig<HostOptions>({
  testDir: 'e2e/specs',
  outputDir: 'test-results',
  // Real agents in real terminals on a machine that may be busy: only a hang can hit this.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  // Each test has a core, a browser and agents of its own: two at once fill two cores.
  workers: 2,
  fullyParallel: true,
  forbidOnly: process.env.CI === 'true',
  retries: 0,
  reporter: 'list',
  use: {
    viewport: { width: 1280, height: 800 },
    colorScheme: 'dark',
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: { args: ARGS, ...(chromium ? { executablePath: chromium } : {}) },
  },
  projects: [
    { name: 'web', use: { kind: 'web' } },
    ...(withElectron ? [{ name: 'electron', use: { kind: 'electron' as const } }] : []),
  ],
})
