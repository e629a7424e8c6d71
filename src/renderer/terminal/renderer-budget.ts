import { WebglAddon } from '@xterm/addon-webgl'
import type { Terminal } from '@xterm/xterm'

/** Browsers keep about sixteen WebGL contexts; a few are enough for what is looked at. */
const MAX_CONTEXTS = 4
/** Frames to watch before judging. */
const SAMPLE_FRAMES = 60
/** A median frame above this with WebGL on, and well above the rate without, means that it is emulated. */
const SLOW_FRAME_MS = 25
const SLOW_RATIO = 1.4

/** True when a median of frame times says that drawing with WebGL is worse than without. */
export function isSlow(idleMs: number, withWebglMs: number): boolean {
  return withWebglMs > SLOW_FRAME_MS && withWebglMs > idleMs * SLOW_RATIO
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/**
 * Gives WebGL to few terminals at a time, as long as it is measured to be faster: on software GL it is five times slower
 * than the DOM. A lost context goes back to the DOM for good.
 */
export class RendererBudget {
  readonly #held = new Map<Terminal, WebglAddon>()
  #allowed: boolean
  #idleMs: number | null = null
  #judged = false

  constructor(document: Document) {
    this.#allowed = hasHardwareGl(document)
  }

  /** `wanted`: the terminals that should have it, the most important first. */
  assign(wanted: readonly Terminal[]): void {
    const keep = new Set(this.#allowed ? wanted.slice(0, MAX_CONTEXTS) : [])
    for (const [terminal, addon] of this.#held) {
      if (keep.has(terminal)) continue
      this.#held.delete(terminal)
      addon.dispose()
    }
    if (!this.#allowed) return
    if (this.#idleMs === null) {
      this.#idleMs = 0
      void frameTimes().then((times) => {
        this.#idleMs = median(times)
        this.assign(wanted)
      })
      return
    }
    if (this.#idleMs === 0) return
    for (const terminal of keep) this.#give(terminal)
    if (!this.#judged && this.#held.size > 0) this.#judge(this.#idleMs)
  }

  release(terminal: Terminal): void {
    this.#held.get(terminal)?.dispose()
    this.#held.delete(terminal)
  }

  #give(terminal: Terminal): void {
    if (this.#held.has(terminal) || !terminal.element?.isConnected) return
    const addon = new WebglAddon()
    addon.onContextLoss(() => {
      this.#allowed = false
      this.assign([])
    })
    try {
      terminal.loadAddon(addon)
      this.#held.set(terminal, addon)
    } catch {
      // No context to be had: the DOM renderer goes on drawing.
      this.#allowed = false
    }
  }

  #judge(idleMs: number): void {
    this.#judged = true
    void frameTimes().then((times) => {
      if (!isSlow(idleMs, median(times))) return
      this.#allowed = false
      this.assign([])
    })
  }
}

function hasHardwareGl(document: Document): boolean {
  const canvas = document.createElement('canvas')
  const gl = canvas.getContext('webgl2', { failIfMajorPerformanceCaveat: true })
  if (!gl) return false
  const info = gl.getExtension('WEBGL_debug_renderer_info')
  const name = String(gl.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER))
  gl.getExtension('WEBGL_lose_context')?.loseContext()
  return !/swiftshader|llvmpipe|software|softpipe|basic render/i.test(name)
}

/** Intervals of the next frames; empty when the window is hidden meanwhile. */
function frameTimes(): Promise<number[]> {
  return new Promise((resolve) => {
    const times: number[] = []
    let last: number | null = null
    const step = (now: number) => {
      if (document.visibilityState !== 'visible') return resolve([])
      if (last !== null) times.push(now - last)
      last = now
      if (times.length < SAMPLE_FRAMES) requestAnimationFrame(step)
      else resolve(times)
    }
    requestAnimationFrame(step)
  })
}
