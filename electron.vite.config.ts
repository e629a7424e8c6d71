import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'

const at = (path: string) => resolve(import.meta.dirname, path)

export default defineConfig({
  main: {
    build: {
      // One build serves both hosts: every entry below is a process of its own (docs/ARCHITECTURE.md).
      rollupOptions: {
        input: {
          index: at('src/main/electron/index.ts'),
          core: at('src/main/electron/core-entry.ts'),
          'pty-host': at('src/main/pty-host/entry.ts'),
          screens: at('src/main/screens/entry.ts'),
          web: at('src/main/web/index.ts'),
          cli: at('src/main/cli/index.ts'),
        },
        output: { format: 'es' },
      },
    },
  },
  preload: {
    build: {
      // A sandboxed preload cannot be an ES module.
      rollupOptions: { input: { index: at('src/preload/index.ts') }, output: { format: 'cjs' } },
    },
  },
  renderer: {
    root: at('src/renderer'),
    plugins: [react()],
    // The worker for syntax colours loads grammars one by one, which the default format cannot.
    worker: { format: 'es' },
    build: {
      rollupOptions: { input: { index: at('src/renderer/index.html') } },
      chunkSizeWarningLimit: 2000,
      minify: true,
      // The policy of the page allows no fonts and scripts from data: addresses.
      assetsInlineLimit: 0,
    },
  },
})
