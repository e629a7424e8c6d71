/** One failed test or one error of a compiler, as a person or an agent needs it. */
export interface FailureEntry {
  /** Name of the test, or the error itself. */
  title: string
  /** `file:line` as far as it is known. */
  place: string | null
  /** What was expected and found: few lines. */
  details: string[]
}

/** Reads the failures of one kind of tool from the lines of an output; none when it is not that tool's. */
type Parser = (lines: readonly string[]) => FailureEntry[]

const MAX_DETAILS = 3
/** Frames of a stack, and what node prints of an assertion beside its message. */
const STACK = /^\s+at |^\s*(generatedMessage|code|actual|expected|operator|diff): /
const DURATION = /\s+\(?[\d.]+ ?m?s\)?$/

const detailsOf = (lines: readonly string[]): string[] =>
  lines
    .map((line) => line.trim())
    .filter(Boolean)
    .slice(0, MAX_DETAILS)

/** The lines from `from` until the first for which `ends` holds. */
function until(lines: readonly string[], from: number, ends: (line: string) => boolean): string[] {
  const end = lines.findIndex((line, i) => i >= from && ends(line))
  return lines.slice(from, end < 0 ? lines.length : end)
}

/** `node --test`, the reporter for people. */
const nodeSpec: Parser = (lines) => {
  const start = lines.findIndex((line) => /^✖ failing tests:$/.test(line))
  if (start < 0) return []
  return lines.slice(start).flatMap((line, i, rest) => {
    const place = /^test at (.+):\d+$/.exec(line)?.[1]
    const title = place && /^✖ (.+)$/.exec(rest[i + 1] ?? '')?.[1]
    if (!title) return []
    const block = until(rest, i + 2, (each) => /^test at /.test(each) || STACK.test(each))
    return [{ title: title.replace(DURATION, ''), place, details: detailsOf(block) }]
  })
}

/** TAP, as `node --test` prints it into a pipe on older versions, and others do. */
const tap: Parser = (lines) => {
  if (!lines.some((line) => /^TAP version \d+/.test(line))) return []
  return lines.flatMap((line, i) => {
    const match = /^(\s*)not ok \d+(?: - (.*))?$/.exec(line)
    if (!match) return []
    const block = until(lines, i + 1, (each) => /^\s*(\.\.\.|(not )?ok \d)/.test(each))
    const field = (name: string) =>
      new RegExp(`^\\s*${name}: (.*)$`, 'm').exec(block.join('\n'))?.[1]?.replace(/^'(.*)'$/, '$1') ?? null
    // A suite only repeats what its tests said.
    if (field('failureType') === 'subtestsFailed') return []
    const error = field('error')
    const details =
      error === '|-' || error === '|' || error === '>-'
        ? until(block, block.findIndex((each) => /^\s*error: /.test(each)) + 1, (each) =>
            /^\s*\w+: /.test(each),
          )
        : error
          ? [error]
          : block.filter((each) => !/^\s*(---|duration_ms|type)/.test(each))
    return [
      {
        title: match[2] ?? 'a test',
        place: field('location')?.replace(/:\d+$/, '') ?? null,
        details: detailsOf(details),
      },
    ]
  })
}

const vitest: Parser = (lines) =>
  lines.flatMap((line, i) => {
    const title = /^ FAIL {2}(.+)$/.exec(line)?.[1]
    if (!title) return []
    const block = until(lines, i + 1, (each) => /^(⎯{5}| FAIL {2})/.test(each))
    const place = block.map((each) => /^\s*❯ (?:.* )?(\S+:\d+):\d+$/.exec(each)?.[1]).find(Boolean)
    const said = until(block, 0, (each) => /^\s*(❯|\d+\|)/.test(each)).filter(
      (each) => !/^[-+] (Expected|Received)$/.test(each),
    )
    return [{ title: title.trim(), place: place ?? null, details: detailsOf(said) }]
  })

const jest: Parser = (lines) => {
  if (!lines.some((line) => /^(Tests|Test Suites):\s+\d/.test(line))) return []
  return lines.flatMap((line, i) => {
    const title = /^ {2}● (.+)$/.exec(line)?.[1]
    if (!title || title === 'Console') return []
    const block = until(lines, i + 1, (each) => /^ {2}● |^(Tests|Test Suites):/.test(each))
    const place = block.map((each) => /^\s+at .*?\(?([^\s(]+:\d+):\d+\)?$/.exec(each)?.[1]).find(Boolean)
    const said = until(block, 0, (each) => /^\s*(>?\s*\d+ \||at )/.test(each))
    return [{ title, place: place ?? null, details: detailsOf(said) }]
  })
}

const mocha: Parser = (lines) => {
  const start = lines.findIndex((line) => /^\s+\d+ failing$/.test(line))
  if (start < 0) return []
  const rest = lines.slice(start + 1)
  return rest.flatMap((line, i) => {
    if (!/^ {2}\d+\) /.test(line)) return []
    const names = until(rest, i, (each) => each.trim() === '')
    const block = until(rest, i + names.length + 1, (each) => /^ {2}\d+\) /.test(each))
    const place = block.map((each) => /\(([^()\s]+:\d+):\d+\)$/.exec(each)?.[1]).find(Boolean)
    return [
      {
        title: names.map((name) => name.replace(/^\s*(\d+\) )?/, '').replace(/:$/, '')).join(' › '),
        place: place ?? null,
        details: detailsOf(until(block, 0, (each) => STACK.test(each))),
      },
    ]
  })
}

const pytest: Parser = (lines) => {
  const start = lines.findIndex((line) => /^=+ short test summary info =+$/.test(line))
  if (start < 0) return []
  const places = new Map<string, string>()
  let section = ''
  for (const line of lines.slice(0, start)) {
    section = /^_{3,} (?:ERROR \w+ \w+ )?(.+?) _{3,}$/.exec(line)?.[1] ?? section
    const place = /^(\S+\.py:\d+): /.exec(line)?.[1]
    // The last one of a section is where the test itself stands or what it called failed.
    if (place) places.set(section, place)
  }
  return lines.slice(start + 1).flatMap((line) => {
    const match = /^(?:FAILED|ERROR) (\S+(?:\[.*?\])?)(?: - (.*))?$/.exec(line)
    if (!match?.[1]) return []
    const name = match[1].split('::').slice(1).join('.')
    return [{ title: match[1], place: places.get(name) ?? null, details: detailsOf([match[2] ?? '']) }]
  })
}

const cargoTest: Parser = (lines) =>
  lines.flatMap((line, i) => {
    const title = /^---- (.+) stdout ----$/.exec(line)?.[1]
    if (!title) return []
    const block = until(lines, i + 1, (each) => /^(---- |failures:$|stack backtrace:|note: )/.test(each))
    const at = block.findIndex((each) => /panicked at /.test(each))
    const place = /panicked at (.+?):\d+:?$/.exec(block[at] ?? '')?.[1] ?? null
    return [{ title, place, details: detailsOf(at < 0 ? block : block.slice(at + 1)) }]
  })

const rustc: Parser = (lines) =>
  lines.flatMap((line, i) => {
    const title = /^(error(?:\[E\d+\])?: .+)$/.exec(line)?.[1]
    const place = /^\s*--> (.+?):\d+$/.exec(lines[i + 1] ?? '')?.[1]
    if (!title || !place) return []
    const label = lines.slice(i + 2, i + 8).find((each) => /^\s*\|\s+[\^-]+ .+$/.test(each))
    return [{ title, place, details: label ? detailsOf([label.replace(/^\s*\|\s*[\^-]+/, '')]) : [] }]
  })

const go: Parser = (lines) => {
  if (!lines.some((line) => /^(FAIL|ok {2})(\s|$)/.test(line))) return []
  const tests = lines.flatMap((line, i) => {
    const match = /^(\s*)--- FAIL: (\S+)/.exec(line)
    if (!match?.[2]) return []
    const block = until(lines, i + 1, (each) => /^\s*(--- |FAIL|ok |PASS|=== )/.test(each))
    // A test with subtests that failed only repeats them.
    if (block.length === 0 && /^\s+--- FAIL: /.test(lines[i + 1] ?? '')) return []
    const place = block.map((each) => /^\s+(\S+\.go:\d+):/.exec(each)?.[1]).find(Boolean)
    return [
      {
        title: match[2],
        place: place ?? null,
        details: detailsOf(block.map((each) => each.replace(/^\s+\S+\.go:\d+: ?/, ''))),
      },
    ]
  })
  const compiler = lines.flatMap((line) => {
    const match = /^(\S+\.go:\d+)(?::\d+)?: (.+)$/.exec(line)
    return match?.[1] && match[2] ? [{ title: match[2], place: match[1], details: [] }] : []
  })
  const panics = lines.flatMap((line) =>
    /^panic: /.test(line) ? [{ title: line, place: null, details: [] }] : [],
  )
  return [...tests, ...compiler, ...panics]
}

const tsc: Parser = (lines) =>
  lines.flatMap((line) => {
    const match =
      /^(.+?)\((\d+),\d+\): (error TS\d+: .+)$/.exec(line) ??
      /^(.+?):(\d+):\d+ - (error TS\d+: .+)$/.exec(line)
    return match?.[3] ? [{ title: match[3], place: `${match[1]}:${match[2]}`, details: [] }] : []
  })

const eslint: Parser = (lines) => {
  let file: string | null = null
  return lines.flatMap((line) => {
    if (/^\S.*\.\w+$/.test(line) && !/\s{2,}/.test(line)) file = line.trim()
    const match = /^\s+(\d+):\d+\s+error\s+(.+?)(?:\s{2,}(\S+))?$/.exec(line)
    if (!match || !file) return []
    return [
      { title: `${match[2]}${match[3] ? ` (${match[3]})` : ''}`, place: `${file}:${match[1]}`, details: [] },
    ]
  })
}

/** gcc, clang and whatever speaks like them. */
const compiler: Parser = (lines) =>
  lines.flatMap((line) => {
    const match = /^([^\s:][^:]*:\d+)(?::\d+)?: (?:fatal )?error: (.+)$/.exec(line)
    return match?.[1] && match[2] ? [{ title: match[2], place: match[1], details: [] }] : []
  })

/** Only what make itself has to say: a command that failed below it said more. */
const make: Parser = (lines) =>
  lines.flatMap((line) => {
    const title = /^g?make(?:\[\d+\])?: \*\*\* (.+)$/.exec(line)?.[1]
    return title ? [{ title: `make: ${title}`, place: null, details: [] }] : []
  })

const THROWN = /^(?:Uncaught )?[A-Z]\w*(?: \[[A-Z_]+\])?: .+/
/** A frame of code that is somebody's own: not of the runtime, not of a dependency. */
const ownFrame = (line: string): string | undefined =>
  /^\s+at (?!.*\b(?:node:|node_modules\/)).*?\(?(?:file:\/\/)?([^\s()]+:\d+):\d+\)?$/.exec(
    line.replace(/ \{$/, ''),
  )?.[1]

/** A script that ended by an error that nobody caught, as Node tells of it. */
const nodeThrow: Parser = (lines) =>
  lines.flatMap((line, i) => {
    // What was thrown stands below the place and the line of the source with its mark.
    const head = lines.slice(Math.max(0, i - 8), i).findLast((each) => /^\S.*:\d+$/.test(each))
    if (!head || !THROWN.test(line)) return []
    const block = until(lines, i + 1, (each) => /^Node\.js v\d/.test(each))
    if (!lines[i + 1 + block.length]) return []
    const said = until(block, 0, (each) => STACK.test(each))
    const differs = said.filter((each) => /^[-+] (?!actual)/.test(each))
    const own = head.startsWith('node:') ? null : head.replace(/^file:\/\//, '')
    return [
      {
        title: line,
        place: block.map(ownFrame).find(Boolean) ?? own,
        details: detailsOf(differs.length > 0 ? differs : said),
      },
    ]
  })

/** The same of Python: the last call is where it was raised. */
const pythonThrow: Parser = (lines) =>
  lines.flatMap((line, i) => {
    if (!/^Traceback \(most recent call last\):$/.test(line)) return []
    const calls = until(lines, i + 1, (each) => /^\S/.test(each))
    const title = lines[i + 1 + calls.length]
    const at = calls.map((each) => /^ {2}File "(.+)", line (\d+)/.exec(each)).findLast(Boolean)
    return title ? [{ title, place: at ? `${at[1]}:${at[2]}` : null, details: [] }] : []
  })

const PARSERS: readonly Parser[] = [
  nodeSpec,
  tap,
  vitest,
  jest,
  mocha,
  pytest,
  cargoTest,
  rustc,
  go,
  tsc,
  eslint,
  compiler,
]

/** The failures that an output tells of, each once; a command may have run several tools. */
export function readFailures(lines: readonly string[]): FailureEntry[] {
  const found = new Map<string, FailureEntry>()
  for (const parse of PARSERS)
    for (const entry of parse(lines)) found.set(`${entry.place ?? ''}\n${entry.title}`, entry)
  if (found.size > 0) return [...found.values()]
  // A runner that failed says more than the error that ended it.
  const thrown = [...nodeThrow(lines), ...pythonThrow(lines)]
  return thrown.length > 0 ? thrown : make(lines)
}
