import { protocol } from 'electron'
import { readPageFile } from '../core/door/page-files.ts'
import { SAFE_HEADERS } from '../core/door/page-headers.ts'
import { APP_ORIGIN } from './security.ts'

/** Before the app is ready: our scheme is a secure origin like https, with fetch and storage of its own. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Serves the built window at app://quartet/ from `pagesDir`, and nothing else. */
export function serveAppScheme(pagesDir: string): void {
  protocol.handle('app', (request) => answer(pagesDir, request))
}

async function answer(pagesDir: string, request: Request): Promise<Response> {
  const refuse = (status: number) => new Response(null, { status, headers: { ...SAFE_HEADERS } })
  if (!request.url.startsWith(`${APP_ORIGIN}/`)) return refuse(403)
  if (request.method !== 'GET') return refuse(405)
  const path = request.url.slice(APP_ORIGIN.length).split(/[?#]/, 1)[0] ?? '/'
  const file = await readPageFile(pagesDir, path)
  if (!file) return refuse(404)
  return new Response(file.body, {
    headers: { ...SAFE_HEADERS, 'content-type': file.type, 'cache-control': file.cacheControl },
  })
}
