// Draws what a real agent's interface draws: a banner, a plan, tool calls, a spinner, a diff. Everything is written in
// line, not on the alternate screen, so that the transcript keeps it.
const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const SPIN_MS = 80

const paint = (code) => (text) => `\x1b[${code}m${text}\x1b[0m`
export const dim = paint('2')
export const bold = paint('1')
export const accent = paint('38;5;110')
const green = paint('32')
const red = paint('31')
const yellow = paint('33')

export function createScreen(out, wait) {
  let closed = false
  // A terminal that hung up gives EIO: the work goes on without an audience.
  out.on('error', () => {
    closed = true
  })
  const write = (text) => {
    if (!closed) out.write(text)
  }
  const line = (text = '') => write(`${text}\r\n`)
  const width = () => Math.max(40, Math.min(out.columns ?? 80, 100))

  return {
    line,
    /** Writes a chunk and waits until there is room for more. */
    async flood(text) {
      if (closed || out.write(text)) return
      await new Promise((resolve) => {
        const go = () => {
          out.off('drain', go)
          out.off('error', go)
          resolve()
        }
        out.on('drain', go)
        out.on('error', go)
      })
    },
    banner(rows) {
      const inner = width() - 4
      line(accent(`╭${'─'.repeat(inner + 2)}╮`))
      for (const row of rows) line(`${accent('│')} ${row.slice(0, inner).padEnd(inner)} ${accent('│')}`)
      line(accent(`╰${'─'.repeat(inner + 2)}╯`))
      line()
    },
    user(text) {
      // A brief comes from anywhere: what a terminal would obey is not repeated.
      const lines = text.replace(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/g, ' ').split('\n')
      for (const row of lines.slice(0, 6)) line(dim(`> ${row.slice(0, width() - 2)}`))
      if (lines.length > 6) line(dim(`> … ${lines.length - 6} more lines`))
      line()
    },
    say(text) {
      for (const row of text.split('\n')) line(`${bold('●')} ${row}`)
      line()
    },
    plan(steps, done) {
      steps.forEach((step, index) => {
        line(
          index < done ? `  ${green('✔')} ${dim(step)}` : `  ${index === done ? yellow('▸') : '☐'} ${step}`,
        )
      })
      line()
    },
    /** A tool call and what came of it. */
    tool(name, about, result, failed = false) {
      line(`${(failed ? red : green)('●')} ${bold(name)}(${about.slice(0, width() - name.length - 6)})`)
      const rows = result.split('\n')
      rows.slice(0, 12).forEach((row, index) => {
        line(`  ${dim(index === 0 ? '└' : ' ')} ${row.slice(0, width() - 5)}`)
      })
      if (rows.length > 12) line(dim(`    … ${rows.length - 12} more lines`))
      line()
    },
    /** A unified diff, coloured. */
    diff(text) {
      for (const row of text.split('\n')) {
        if (/^(diff|index|---|\+\+\+|new file)/.test(row) || row === '') continue
        const shade = row.startsWith('+') ? green : row.startsWith('-') ? red : dim
        line(`    ${shade(row.slice(0, width() - 5))}`)
      }
      line()
    },
    question(text) {
      line(`${yellow('?')} ${bold(text)}`)
    },
    prompt: () => write(`${accent('›')} `),
    echo: (text) => write(text),
    error: (text) => line(red(`✗ ${text}`)),
    /** Turns for `ms` before the wait's own pace is applied. */
    async spin(label, ms) {
      const frames = Math.max(1, Math.round(ms / SPIN_MS))
      for (let index = 0; index < frames; index++) {
        write(`\r${accent(FRAMES[index % FRAMES.length])} ${label}… ${dim('(ctrl+c to interrupt)')}`)
        await wait(SPIN_MS)
      }
      write('\r\x1b[2K')
    },
    title: (text) => write(`\x1b]0;${text}\x07`),
    modes: (on) => write(on ? '\x1b[?2004h' : '\x1b[?2004l'),
  }
}
