import { packageRoot } from '../kernel/package-root.ts'
import { runApp } from './app.ts'

// The desktop host. Not awaited at the top: Electron becomes ready only after its entry module has run.
void runApp(packageRoot(import.meta.dirname))
