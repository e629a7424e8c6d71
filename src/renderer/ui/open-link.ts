/** The address if it may be opened from here: http(s) without credentials in it, else null. */
export function safeLink(text: string): URL | null {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return null
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null
  // user:password@host is how a link is made to look like another site's.
  if (url.username || url.password) return null
  return url
}

/** Opens http(s) outside of the app; everything else is ignored. */
export function openLink(text: string): void {
  const url = safeLink(text)
  if (url) window.open(url.href, '_blank', 'noopener,noreferrer')
}

/** True when the visible text of a link names another host than the one that it leads to. */
export function linkLies(text: string, target: URL): boolean {
  const shown = text.trim().match(/^(?:https?:\/\/)?([a-z0-9.-]+\.[a-z]{2,})(?:[/:?#]|$)/i)?.[1]
  return shown !== undefined && shown.toLowerCase() !== target.hostname.toLowerCase()
}
