import { createRequire } from 'node:module'
import type { UnicodeGraphemesAddon } from '@xterm/addon-unicode-graphemes'

type AddonModule = typeof import('@xterm/addon-unicode-graphemes')

/**
 * The addon that gives characters the width that people see. Its build unpacks its tables from `Buffer.from(…).buffer`, which
 * for a small text is the pool that Node shares among all small buffers: it then takes other people's bytes for the size of its tables, asks for
 * gigabytes of memory, or finds no widths at all. So it is loaded while there is no pool, and not by a static import.
 */
function loadAddon(): AddonModule {
  const poolSize = Buffer.poolSize
  Buffer.poolSize = 0
  try {
    const loaded: AddonModule = createRequire(import.meta.url)('@xterm/addon-unicode-graphemes')
    return loaded
  } finally {
    Buffer.poolSize = poolSize
  }
}

const addon = loadAddon()

export function graphemes(): UnicodeGraphemesAddon {
  return new addon.UnicodeGraphemesAddon()
}
