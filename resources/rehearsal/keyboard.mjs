// Reads what is typed or pasted: whole messages, Ctrl-C and the end of input. Works in raw mode on a terminal and by
// lines on a pipe.
const PASTE_START = '\x1b[200~'
const PASTE_END = '\x1b[201~'
/** Messages typed while it works wait here, as in the real ones; more than that are dropped. */
const MAX_WAITING = 50

export function createKeyboard(input, { echo, interrupt }) {
  const waiting = []
  let take = null
  let ended = false
  let text = ''
  let rest = ''
  let pasting = false

  const submit = (message) => {
    if (take) {
      const go = take
      take = null
      go(message)
    } else if (waiting.length < MAX_WAITING) waiting.push(message)
  }
  const end = () => {
    if (ended) return
    ended = true
    if (text.trim() !== '') submit(text.trim())
    if (take) submit(null)
  }

  const feed = (chunk) => {
    let data = rest + chunk
    rest = ''
    while (data !== '') {
      if (data.startsWith(PASTE_START)) {
        pasting = true
        data = data.slice(PASTE_START.length)
      } else if (data.startsWith(PASTE_END)) {
        pasting = false
        data = data.slice(PASTE_END.length)
      } else if (data[0] === '\x1b') {
        // A key or a terminal's answer: it may be cut in two.
        const match =
          /^\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|O[A-Za-z]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[^[\]O])/.exec(data)
        if (!match) {
          if (data.length < 64) rest = data
          return
        }
        data = data.slice(match[0].length)
      } else {
        const char = String.fromCodePoint(data.codePointAt(0))
        data = data.slice(char.length)
        if (char === '\x03') interrupt()
        else if (char === '\x04' && text === '') end()
        else if ((char === '\r' || char === '\n') && !pasting) {
          const message = text.trim()
          text = ''
          echo('\r\n')
          if (message !== '') submit(message)
        } else if (char === '\x7f') {
          text = text.slice(0, -1)
          echo('\b \b')
        } else if (char >= ' ' || char === '\n' || char === '\r') {
          text += char === '\r' ? '\n' : char
          echo(char >= ' ' ? char : '\r\n  ')
        }
      }
    }
  }

  input.setEncoding('utf8')
  if (input.isTTY) input.setRawMode(true)
  input.on('data', feed)
  input.on('end', end)
  input.on('error', end)

  return {
    /** The next message; null when there will be none. */
    next() {
      if (waiting.length > 0) return Promise.resolve(waiting.shift())
      if (ended) return Promise.resolve(null)
      return new Promise((resolve) => {
        take = resolve
      })
    },
    close() {
      ended = true
      if (input.isTTY) input.setRawMode(false)
      input.destroy()
    },
  }
}
