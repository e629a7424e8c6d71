import { app, type Session, shell, type WebContents, type WebFrameMain } from 'electron'
import type { Logger } from '../kernel/logger.ts'

/** The origin of our pages: a scheme of our own, never file: or http:. */
export const APP_ORIGIN = 'app://quartet'

const LONGEST_LINK = 8_192

/**
 * Opens a link in the user's browser: http and https only. Anything else (file, smb, ssh, editor and custom schemes) can
 * start programs, and links come from agents and repositories. Gives whether it was opened.
 */
export async function openLink(url: string, log: Logger): Promise<boolean> {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || url.length > LONGEST_LINK) {
    log.warn('a link was not opened', { scheme: parsed?.protocol ?? 'none' })
    return false
  }
  await shell.openExternal(parsed.href)
  return true
}

/** True for the top frame of a window of ours that shows a page of ours. */
export function isOurFrame(frame: WebFrameMain | null, origins: readonly string[]): boolean {
  return frame !== null && frame.parent === null && origins.includes(originOf(frame.url))
}

/** `scheme://host[:port]` of a URL; URL.origin is "null" for schemes of our own. */
export function originOf(url: string): string {
  if (!URL.canParse(url)) return 'null'
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

/** Every page of the app, whoever creates it: it stays where it is, opens nothing, embeds nothing. */
export function guardContents(origins: readonly string[], log: Logger): void {
  app.on('web-contents-created', (_event, contents) => {
    const stay = (event: { preventDefault(): void; url: string; isMainFrame: boolean }) => {
      // Reloading is staying; everything else would put a foreign page beside our preload.
      if (event.isMainFrame && origins.includes(originOf(event.url)) && event.url === contents.getURL())
        return
      event.preventDefault()
      log.warn('a navigation was refused', { scheme: originOf(event.url).split(':')[0] })
    }
    contents.on('will-navigate', stay)
    contents.on('will-frame-navigate', stay)
    contents.on('will-redirect', stay)
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(({ url }) => {
      void openLink(url, log).catch((error: unknown) => log.warn('a link could not be opened', { error }))
      return { action: 'deny' }
    })
  })
}

const ALLOWED_PERMISSIONS: ReadonlySet<string> = new Set(['clipboard-sanitized-write', 'notifications'])

/** Permissions, devices and the network of a session: all closed but copying and notifying from our own top frame. */
export function guardSession(session: Session, origins: readonly string[], log: Logger): void {
  const allowed = (permission: string, origin: string, isMainFrame: boolean) =>
    ALLOWED_PERMISSIONS.has(permission) && isMainFrame && origins.includes(origin)
  session.setPermissionRequestHandler((contents: WebContents | null, permission, callback, details) => {
    const granted =
      contents !== null && allowed(permission, originOf(details.requestingUrl), details.isMainFrame)
    if (!granted) log.warn('a permission was refused', { permission })
    callback(granted)
  })
  session.setPermissionCheckHandler((contents, permission, origin, details) =>
    contents === null ? false : allowed(permission, originOf(origin), details.isMainFrame),
  )
  session.setDevicePermissionHandler(() => false)
  session.setDisplayMediaRequestHandler((_request, callback) => callback({}))
  // The window talks to nobody: an image or a style of hostile text cannot call home even if the policy had a hole.
  session.webRequest.onBeforeRequest((details, callback) => {
    const origin = originOf(details.url)
    const inside = origins.includes(origin) || /^(devtools|data|blob):/.test(details.url)
    const hotReload = origins.some((own) => own.startsWith('http:') && origin === own.replace('http:', 'ws:'))
    if (!inside && !hotReload) log.warn('a request was refused', { scheme: origin.split(':')[0] })
    callback({ cancel: !inside && !hotReload })
  })
}
