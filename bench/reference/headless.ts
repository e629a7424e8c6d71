import headless from '@xterm/headless'

/** Bare @xterm/headless fed with 64 KiB pieces, as fast as it takes them; gives ms. */
export async function parseAlone(bytes: Uint8Array, cols: number, rows: number): Promise<number> {
  const terminal = new headless.Terminal({
    cols,
    rows,
    scrollback: 1_000,
    allowProposedApi: true,
    logLevel: 'off',
  })
  const begin = performance.now()
  const PIECE = 64 * 1024
  let waiting = 0
  let wake = () => {}
  for (let at = 0; at < bytes.length; at += PIECE) {
    waiting++
    terminal.write(bytes.subarray(at, at + PIECE), () => {
      waiting--
      wake()
    })
    // Pipelined, but never near the 50 MB at which xterm.js throws.
    while (waiting >= 16) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  await new Promise<void>((resolve) => terminal.write('', resolve))
  const took = performance.now() - begin
  terminal.dispose()
  return took
}
