import { afterEach, beforeEach, expect, vi } from 'vitest'
import { Sandbox } from '../../../e2e/fixtures/sandbox.ts'

/** The sandbox of the test that runs, in a file that calls `sandboxForEach`. */
export let box: Sandbox

/** Gives each test of a file a sandbox of its own; whatever was started in it must have ended with its core. */
export function sandboxForEach(options: { testTimeout: number }): void {
  vi.setConfig({ ...options, hookTimeout: 120_000 })

  beforeEach(async () => {
    box = await Sandbox.make()
  })

  afterEach(async () => {
    const left = await box.dispose()
    expect(left, 'processes that outlived the end of the core').toEqual([])
  })
}
