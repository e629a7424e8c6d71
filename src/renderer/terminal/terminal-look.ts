import type { ITerminalOptions, ITheme } from '@xterm/xterm'

/** What the settings decide about terminals. */
export interface TerminalLook {
  fontSize: number
  theme: ITheme
}

/** Twelve bytes a cell: 5,000 lines of 120 columns cost 7 MB; what is older comes from the log on disk. */
const SCROLLBACK_LINES = 5_000

export function terminalOptions(look: TerminalLook): ITerminalOptions {
  return {
    fontFamily: '"JetBrains Mono Variable", "DejaVu Sans Mono", monospace',
    fontSize: look.fontSize,
    fontWeight: 400,
    fontWeightBold: 650,
    lineHeight: 1.18,
    theme: look.theme,
    scrollback: SCROLLBACK_LINES,
    cursorBlink: false,
    cursorStyle: 'bar',
    cursorInactiveStyle: 'outline',
    minimumContrastRatio: 4.5,
    drawBoldTextInBrightColors: false,
    rescaleOverlappingGlyphs: true,
    allowProposedApi: true,
    // A fuzzed stream writes millions of lines to the console otherwise.
    logLevel: 'off',
    macOptionIsMeta: true,
    scrollOnUserInput: true,
  }
}
