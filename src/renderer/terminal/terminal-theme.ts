import type { ITheme } from '@xterm/xterm'

const ANSI = [
  ['black', 'black'],
  ['red', 'red'],
  ['green', 'green'],
  ['yellow', 'yellow'],
  ['blue', 'blue'],
  ['magenta', 'magenta'],
  ['cyan', 'cyan'],
  ['white', 'white'],
  ['brightBlack', 'bright-black'],
  ['brightRed', 'bright-red'],
  ['brightGreen', 'bright-green'],
  ['brightYellow', 'bright-yellow'],
  ['brightBlue', 'bright-blue'],
  ['brightMagenta', 'bright-magenta'],
  ['brightCyan', 'bright-cyan'],
  ['brightWhite', 'bright-white'],
] as const

/** The terminal colours of the theme that is on, from the tokens. xterm reads no oklch, so each is drawn and read back. */
export function terminalTheme(document: Document): ITheme {
  const style = getComputedStyle(document.documentElement)
  const canvas = document.createElement('canvas')
  canvas.width = 1
  canvas.height = 1
  const context = canvas.getContext('2d', { willReadFrequently: true })
  const rgb = (token: string): string => {
    const value = style.getPropertyValue(token).trim()
    if (!context) return value
    context.clearRect(0, 0, 1, 1)
    context.fillStyle = value
    context.fillRect(0, 0, 1, 1)
    const [r = 0, g = 0, b = 0, a = 255] = context.getImageData(0, 0, 1, 1).data
    const hex = (part: number) => part.toString(16).padStart(2, '0')
    return `#${hex(r)}${hex(g)}${hex(b)}${a === 255 ? '' : hex(a)}`
  }
  const theme: ITheme = {
    background: rgb('--bg-term'),
    foreground: rgb('--fg-1'),
    cursor: rgb('--accent'),
    cursorAccent: rgb('--bg-term'),
    selectionBackground: rgb('--term-selection'),
    overviewRulerBorder: rgb('--bg-term'),
    scrollbarSliderBackground: rgb('--line-1'),
    scrollbarSliderHoverBackground: rgb('--line-2'),
    scrollbarSliderActiveBackground: rgb('--line-2'),
  }
  for (const [key, token] of ANSI) theme[key] = rgb(`--ansi-${token}`)
  return theme
}
