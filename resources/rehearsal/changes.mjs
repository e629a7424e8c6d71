// What the rehearsal changes. In the sample repository it does the task that comes with it; in any other one it writes a
// note on the task, which is a correct change everywhere, or breaks a source file, which is a wrong one everywhere.
// Each change gives {files, title, message, about} after the files are written, or null when it does not fit.
const SAMPLE_SOURCE = 'src/duration.js'
const SAMPLE_TEST = 'test/duration.test.js'

const ORIGINAL = `/** Writes milliseconds as \`m:ss\`. */
export function formatDuration(ms) {
  const total = Math.round(ms / 1000)
  const minutes = Math.floor(total / 60)
  const seconds = String(total % 60).padStart(2, '0')
  return \`\${minutes}:\${seconds}\`
}
`
const GOOD = `const twoDigits = (value) => String(value).padStart(2, '0')

/** Writes milliseconds as \`m:ss\`, from one hour on as \`h:mm:ss\`. */
export function formatDuration(ms) {
  const total = Math.round(ms / 1000)
  const hours = Math.floor(total / 3600)
  const minutes = Math.floor(total / 60) % 60
  const seconds = twoDigits(total % 60)
  return hours > 0 ? \`\${hours}:\${twoDigits(minutes)}:\${seconds}\` : \`\${minutes}:\${seconds}\`
}
`
const GOOD_ALT = `/** Writes milliseconds as \`m:ss\`, from one hour on as \`h:mm:ss\`. */
export function formatDuration(ms) {
  const total = Math.round(ms / 1000)
  const parts = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60]
  if (parts[0] === 0) parts.shift()
  return parts.map((part, index) => (index === 0 ? String(part) : String(part).padStart(2, '0'))).join(':')
}
`
// Hours are written always: the shorter durations, which the brief wants unchanged, are wrong.
const RED = `/** Writes milliseconds as \`h:mm:ss\`. */
export function formatDuration(ms) {
  return new Date(Math.round(ms / 1000) * 1000).toISOString().slice(11, 19)
}
`
const TESTS = `
test('writes hours from one hour on', () => {
  assert.equal(formatDuration(3_599_000), '59:59')
  assert.equal(formatDuration(3_600_000), '1:00:00')
  assert.equal(formatDuration(4_500_000), '1:15:00')
  assert.equal(formatDuration(37_384_000), '10:23:04')
})
`

function sampleChange(repo, body, test) {
  if (!repo.exists(SAMPLE_SOURCE) || !repo.exists(SAMPLE_TEST)) return null
  const source = repo.read(SAMPLE_SOURCE)
  const current = [ORIGINAL, RED].find((text) => source.includes(text))
  if (!current || body === current) return null
  repo.write(
    SAMPLE_SOURCE,
    source.replace(current, () => body),
  )
  const tests = repo.read(SAMPLE_TEST)
  const fresh = test && !tests.includes(TESTS)
  if (fresh) repo.write(SAMPLE_TEST, tests + TESTS)
  return fresh ? [SAMPLE_SOURCE, SAMPLE_TEST] : [SAMPLE_SOURCE]
}

/** What the brief is about: its first line of text and the words that may name something in the code. */
export function readBrief(prompt) {
  const lines = prompt.split('\n').map((line) => line.replace(/^[\s#>*-]+/, '').trim())
  const title = (lines.find((line) => line !== '') ?? 'Untitled task').slice(0, 72)
  const words = prompt.match(/[A-Za-z_][A-Za-z0-9_]{3,40}/g) ?? []
  return { title, words: [...new Set(words)].slice(0, 400) }
}

const slug = (text) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 48) || 'task'

/** A name that siblings share and other tasks do not: the task's part of \`quartet/<task>/r1a1\`, or the brief's. */
async function taskName(repo, title) {
  const branch = await repo.branch()
  return slug(/^quartet\/([^/]+)\//.exec(branch)?.[1] ?? title)
}

async function mentions(repo, words, max) {
  const shapes = words.filter((word) => /[a-z][A-Z]|_|^[a-z]{5,}$/.test(word)).slice(0, 40)
  if (shapes.length === 0) return []
  const args = shapes.flatMap((word) => ['-e', word])
  const found = await repo.tryGit('grep', '-I', '--count', '--fixed-strings', '--word-regexp', ...args)
  return found.stdout
    .split('\n')
    .map((line) => /^(.*):(\d+)$/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ file: match[1], count: Number(match[2]) }))
    .sort((a, b) => b.count - a.count || (a.file < b.file ? -1 : 1))
    .slice(0, max)
}

async function note(repo, prompt, extra, layout) {
  const { title, words } = readBrief(prompt)
  const files = await repo.files()
  const folder = files.some((file) => file.startsWith('docs/')) ? 'docs/rehearsal' : 'rehearsal'
  const name = `${folder}/${await taskName(repo, title)}.md`
  const found = await mentions(repo, words, 12)
  const where = found.length
    ? layout === 'table'
      ? ['| file | mentions |', '|---|---|', ...found.map((hit) => `| \`${hit.file}\` | ${hit.count} |`)]
      : found.map((hit) => `- \`${hit.file}\` mentions it ${hit.count === 1 ? 'once' : `${hit.count} times`}`)
    : ['No tracked file mentions the words of the brief.']
  const text = [
    `# ${title}`,
    '',
    `Where this touches the code (${files.length} tracked files):`,
    '',
    ...where,
  ]
  if (extra) text.push('', extra)
  repo.write(name, `${text.join('\n')}\n`)
  return {
    files: [name],
    title,
    message: `Note where “${title}” touches the code`,
    about: `The note lists ${found.length} files that mention what the brief asks for.`,
  }
}

const SAMPLE_TITLE = 'Show hours in durations of an hour and more'

export async function good(repo, prompt, extra) {
  const files = sampleChange(repo, GOOD, true)
  if (!files) return note(repo, prompt, extra, 'list')
  const about = 'Durations from one hour on now read h:mm:ss; shorter ones are unchanged.'
  const message = `${SAMPLE_TITLE}\n\n75 minutes read 75:00, which nobody takes for more than an hour.`
  return { files, title: SAMPLE_TITLE, message: extra ? `${message}\n\n${extra}` : message, about }
}

export async function goodAlt(repo, prompt, extra) {
  const files = sampleChange(repo, GOOD_ALT, true)
  if (!files) return note(repo, prompt, extra, 'table')
  const about = 'It builds the parts from the hour down and drops the hour when it is zero.'
  return {
    files,
    title: SAMPLE_TITLE,
    message: `${SAMPLE_TITLE}\n\nOne list of parts serves both forms.`,
    about,
  }
}

/** A file as a merge leaves it that nobody has solved. The marks are put together: they must not stand in this file. */
const unsolved = (title) =>
  [
    '# Changes',
    '',
    `${'<'.repeat(7)} ours`,
    `- ${title}.`,
    '='.repeat(7),
    '- Something else.',
    `${'>'.repeat(7)} theirs`,
    '',
  ].join('\n')

/** What the checks let through and a reviewer must not: a good change beside a file with conflict marks. */
export async function flawed(repo, prompt) {
  const change = await good(repo, prompt, null)
  const name = repo.exists('NEWS.md') ? 'rehearsal/news.md' : 'NEWS.md'
  repo.write(name, unsolved(change.title))
  return { ...change, files: [...change.files, name] }
}

/** What does not parse, by file ending. */
const BROKEN = {
  js: 'export const rehearsal = (',
  mjs: 'export const rehearsal = (',
  cjs: 'const rehearsal = (',
  jsx: 'export const rehearsal = (',
  ts: 'export const rehearsal: number = (',
  tsx: 'export const rehearsal: number = (',
  py: 'def rehearsal(:',
  go: 'func rehearsal( {',
  rs: 'fn rehearsal( {',
  rb: 'def rehearsal(',
  java: 'class Rehearsal {',
  kt: 'class Rehearsal {',
  c: 'int rehearsal( {',
  h: 'int rehearsal( {',
  cc: 'int rehearsal( {',
  cpp: 'int rehearsal( {',
  sh: 'if then fi (',
}

/** A test that fails, for each way of testing that can be told from the files. */
function failingTest(repo, files) {
  const has = (name) => files.includes(name)
  if (has('package.json')) {
    const folder = ['test', 'tests', '__tests__', 'src'].find((dir) =>
      files.some((file) => file.startsWith(`${dir}/`)),
    )
    const manifest = repo.read('package.json')
    const known = /"(vitest|jest)"/.exec(manifest)
    const name = `${folder ? `${folder}/` : ''}rehearsal-red.test.${/"type":\s*"module"/.test(manifest) ? 'js' : 'mjs'}`
    const body = known
      ? `${known[1] === 'vitest' ? "import { expect, test } from 'vitest'\n\n" : ''}test('red on purpose', () => {\n  expect(1).toBe(2)\n})\n`
      : "import assert from 'node:assert/strict'\nimport { test } from 'node:test'\n\ntest('red on purpose', () => {\n  assert.equal(1, 2)\n})\n"
    return [name, body]
  }
  if (['pyproject.toml', 'setup.py', 'pytest.ini', 'tox.ini'].some(has)) {
    const folder = files.some((file) => file.startsWith('tests/')) ? 'tests/' : ''
    return [`${folder}test_rehearsal_red.py`, 'def test_red_on_purpose():\n    assert 1 == 2\n']
  }
  if (has('Cargo.toml'))
    return ['tests/rehearsal_red.rs', '#[test]\nfn red_on_purpose() {\n    assert_eq!(1, 2);\n}\n']
  return null
}

export async function red(repo, prompt) {
  const sample = sampleChange(repo, RED, false)
  if (sample)
    return {
      files: sample,
      title: SAMPLE_TITLE,
      message: 'Write hours in all durations',
      about: 'Every duration now has hours.',
    }
  const files = await repo.files()
  const test = failingTest(repo, files)
  if (test) repo.write(test[0], test[1])
  const sources = files
    .filter(
      (file) =>
        BROKEN[file.split('.').pop()] &&
        !/(^|\/)(tests?|__tests__|node_modules|vendor|scripts)\/|\.(test|spec|config)\./.test(file),
    )
    .sort((a, b) => rank(a) - rank(b) || a.split('/').length - b.split('/').length || (a < b ? -1 : 1))
  const changed = test ? [test[0]] : []
  const source = sources[0]
  if (source) {
    const text = repo.read(source)
    repo.write(
      source,
      `${text}${text.endsWith('\n') || text === '' ? '' : '\n'}${BROKEN[source.split('.').pop()]}\n`,
    )
    changed.push(source)
  }
  if (changed.length === 0) {
    // Without any code to break: what \`git diff --check\` refuses.
    repo.write('rehearsal-red.txt', '<<<<<<< ours\nred on purpose \n=======\nred\n>>>>>>> theirs\n')
    changed.push('rehearsal-red.txt')
  }
  const { title } = readBrief(prompt)
  return { files: changed, title, message: title, about: 'I did not run the checks.' }
}

/** Takes the wrong changes of `red` back (nothing is committed); gives the files that were changed or removed. */
export async function revertRed(repo) {
  const files = await repo.files()
  const changed = []
  if (repo.exists(SAMPLE_SOURCE) && repo.read(SAMPLE_SOURCE).includes(RED)) {
    repo.write(
      SAMPLE_SOURCE,
      repo.read(SAMPLE_SOURCE).replace(RED, () => ORIGINAL),
    )
    changed.push(SAMPLE_SOURCE)
  }
  for (const file of files.filter((name) =>
    /(^|\/)(rehearsal-red\.|test_rehearsal_red\.|rehearsal_red\.)/.test(name),
  )) {
    await repo.git('rm', '--quiet', '--force', '--', file)
    changed.push(file)
  }
  for (const file of files.filter((name) => BROKEN[name.split('.').pop()] && repo.exists(name))) {
    const ending = `${BROKEN[file.split('.').pop()]}\n`
    const text = repo.read(file)
    if (!text.endsWith(ending)) continue
    repo.write(file, text.slice(0, -ending.length))
    changed.push(file)
  }
  return changed
}

/** Entry files first: breaking them breaks most. */
const rank = (file) => (/(^|\/)(index|main|lib|app|__init__|mod)\.[a-z]+$/.test(file) ? 0 : 1)

const STATUS_LINE = /^Status: .*$/m

/** One line that every task with this scenario changes: the second one to land has a conflict. */
export async function conflict(repo, prompt) {
  const { title } = readBrief(prompt)
  const text = `Status: ${title} (${await taskName(repo, title)}).`
  const inReadme = repo.exists('README.md') && STATUS_LINE.test(repo.read('README.md'))
  const file = inReadme ? 'README.md' : 'REHEARSAL.md'
  const old = repo.exists(file) ? repo.read(file) : `# Rehearsal\n\n${text}\n`
  repo.write(file, STATUS_LINE.test(old) ? old.replace(STATUS_LINE, () => text) : `${old}\n${text}\n`)
  return {
    files: [file],
    title,
    message: `Say in the status line: ${title}`,
    about: `The status line of ${file} is new.`,
  }
}
