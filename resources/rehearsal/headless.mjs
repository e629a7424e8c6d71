// Answers without a terminal: reads the diff in the prompt, looks for a handful of things that a reviewer would remark, and
// puts them into whatever shape the schema asks for.

/** What is remarked in added lines, and through which lens it is seen. */
const RULES = [
  {
    shape: /^(<{7}|={7}$|>{7})/,
    priority: 'P0',
    lens: 'correctness',
    title: 'A conflict mark was committed',
    body: 'The file cannot be read with this line in it. Solve the conflict.',
  },
  {
    shape: /red on purpose/i,
    priority: 'P0',
    lens: 'correctness',
    title: 'A test that always fails',
    body: 'This test can never pass. Remove it or test what the change does.',
  },
  {
    shape: /\b(it|test|describe)\.only\(/,
    priority: 'P1',
    lens: 'correctness',
    title: 'Only this test runs',
    body: 'The mark leaves all other tests out. Remove it.',
  },
  {
    shape: /\b(it|test|describe)\.skip\(/,
    priority: 'P2',
    lens: 'correctness',
    title: 'A test is skipped',
    body: 'Say why, or run it.',
  },
  {
    shape: /catch\s*(\([^)]*\))?\s*\{\s*\}/,
    priority: 'P1',
    lens: 'correctness',
    title: 'An error is swallowed',
    body: 'Nobody learns that this failed. Handle it or let it through.',
  },
  {
    shape: /\b(TODO|FIXME|XXX)\b/,
    priority: 'P2',
    lens: 'simplicity',
    title: 'Unfinished work',
    body: 'The change says itself that something is left to do.',
  },
  {
    shape: /\bconsole\.(log|debug)\(|\bprint\(|\bdbg!\(/,
    priority: 'P3',
    lens: 'simplicity',
    title: 'Output for debugging',
    body: 'It was useful while working; a reader of the log does not want it.',
  },
  {
    shape: /\.(shift|splice)\(/,
    priority: 'P3',
    lens: 'simplicity',
    title: 'A list is changed in place',
    body: 'One has to follow it through the function to know what is in it. Two cases written out would be plainer.',
  },
]
const LENSES = new Set(RULES.map((rule) => rule.lens))

/** The added lines of all unified diffs in `text`: file, line number, text. */
export function addedLines(text) {
  const added = []
  let file = null
  let line = 0
  for (const row of text.split('\n')) {
    const name = /^\+\+\+ (?:b\/)?(.+?)\t?$/.exec(row)
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)/.exec(row)
    if (name) file = name[1] === '/dev/null' ? null : name[1]
    else if (hunk) line = Number(hunk[1])
    else if (file && row.startsWith('+')) added.push({ file, line: line++, text: row.slice(1) })
    else if (row.startsWith(' ')) line++
  }
  return added
}

/** What the change in `prompt` deserves to hear, through one lens or (null) all of them. */
export function review(prompt, lens) {
  const added = addedLines(prompt)
  const rules = RULES.filter((rule) => lens === null || rule.lens === lens)
  // One remark per file: who mends the first place sees the others.
  const seen = new Set()
  const findings = added.flatMap(({ file, line, text }) =>
    rules
      .filter((rule) => rule.shape.test(text) && !seen.has(`${rule.title} ${file}`))
      .map(({ priority, title, body }) => {
        seen.add(`${title} ${file}`)
        return { priority, title, body, file, line, confidence: 0.9 }
      }),
  )
  const sources = added.filter(
    ({ file }) => /\.(js|ts|py|go|rs|rb|java|c|cpp)$/.test(file) && !/test|spec/i.test(file),
  )
  const tests = added.filter(({ file }) => /test|spec/i.test(file))
  if (lens !== 'simplicity' && sources.length > 0 && tests.length === 0)
    findings.push({
      priority: 'P2',
      title: 'No test was added',
      body: 'Nothing shows that the new behaviour works, nor that it stays.',
      file: sources[0].file,
      line: sources[0].line,
      confidence: 0.7,
    })
  return findings
}

/** What this reviewer found before, by the list in its prompt: it stands as long as it is found again. */
function previousOf(prompt, found) {
  return [...prompt.matchAll(/^id (find_\w+): P\d (.+?)(?: \([^()]*\))?$/gm)].map(([, id, title]) => {
    const stands = found.some((finding) => finding.title === title)
    const why = stands ? 'It is still there.' : 'It is gone from the diff.'
    return { id, title, state: stands ? 'stands' : 'resolved', why }
  })
}

/** Several attempts that misread the same brief: then it is the brief. */
function questionOf(prompt) {
  const all = prompt.match(/^Thrown away for: /gm) ?? []
  const misread = prompt.match(/^Thrown away for: .*misread the brief/gm) ?? []
  if (misread.length < 3 || misread.length * 2 <= all.length) return null
  return `${misread.length} of ${all.length} attempts misread the same requirement. What exactly is meant by it?`
}

/** Words for a text field by its name, from what was found. */
function textFor(name, item, context) {
  if (item && typeof item[name] === 'string') return item[name]
  if (/title|summary|headline/i.test(name)) return item?.title ?? context.summary
  if (/body|failure|detail|message|description|explanation|comment|why/i.test(name))
    return item?.body ?? context.summary
  if (/file|path/i.test(name)) return item?.file ?? ''
  if (/wrong/i.test(name)) return context.wrong
  if (/differ|instead|advice|next/i.test(name))
    return 'Run the checks before the last commit and stay with the wording of the brief.'
  if (/repeat|avoid|never/i.test(name)) return 'Do not change what the brief does not name.'
  return context.summary
}

/** A value that fits `schema`. `item` is the finding that it is about, if it is about one. */
function fill(schema, name, item, context) {
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.anyOf ?? schema.oneOf)) {
    const choices = schema.anyOf ?? schema.oneOf
    const empty = choices.find((choice) => choice.type === 'null')
    if (empty && (/question|answer/i.test(name) || (item && item[name] === null))) return null
    return fill(choices.find((choice) => choice.type !== 'null') ?? {}, name, item, context)
  }
  const types = [schema.type].flat()
  // Only what is severe has to name a failure.
  if (/failure/i.test(name) && types.includes('null') && item && !/^P[01]$/.test(item.priority)) return null
  if (types.includes('null') && /question|answer/i.test(name)) return context.question
  if (Array.isArray(schema.enum)) {
    if (item && schema.enum.includes(item[name])) return item[name]
    return (
      schema.enum.find((value) => value === (context.findings.length === 0 ? 'approve' : 'comment')) ??
      schema.enum[0]
    )
  }
  if (types.includes('object') || schema.properties) {
    const entries = Object.entries(schema.properties ?? {})
    return Object.fromEntries(entries.map(([key, part]) => [key, fill(part, key, item, context)]))
  }
  if (types.includes('array')) {
    if (/previous/i.test(name))
      return context.previous.map((said) => fill(schema.items ?? {}, name, said, context))
    if (!/finding|issue|comment|remark|problem/i.test(name)) return []
    const most = schema.maxItems ?? 20
    return context.findings.slice(0, most).map((found) => fill(schema.items ?? {}, name, found, context))
  }
  if (types.includes('integer') || types.includes('number')) {
    if (/line/i.test(name)) return item?.line ?? 1
    if (/confidence|score/i.test(name)) return item?.confidence ?? 0.8
    return schema.minimum ?? 0
  }
  if (types.includes('boolean'))
    return /block|fail|reject/i.test(name) ? context.findings.some((found) => found.priority === 'P0') : true
  return textFor(name, item, context)
}

/** What the prompt of an analysis tells of the attempts: why each was thrown away, and what was red. */
function complaints(prompt) {
  const told = /^(Thrown away for: .+|State: .+|- .+: (failed|timed_out))$/
  const lines = prompt.split('\n').filter((line) => told.test(line))
  return [...new Set(lines)].slice(0, 8).map((line) => (line.startsWith('- ') ? line : `- ${line}`))
}

function summaryOf(fresh, previous) {
  const stands = previous.filter((said) => said.state === 'stands').length
  if (fresh.length > 0)
    return `${fresh.length === 1 ? 'One remark' : `${fresh.length} remarks, the first`}: ${fresh[0].title}.`
  return stands > 0 ? `What I said before stands: ${stands}.` : 'I found nothing to remark.'
}

/** The answer of one headless run: `{text, code}`. */
export async function answer(scenario, prompt, schema) {
  if (scenario === 'crash') return { text: 'The model stopped answering (rehearsed crash).', code: 1 }
  if (scenario === 'garbage')
    return { text: 'I could not find anything worth mentioning, good work!', code: 0 }
  if (scenario === 'hang') await new Promise(() => setInterval(() => {}, 60_000))
  const found = scenario === 'clean' ? [] : review(prompt, LENSES.has(scenario) ? scenario : null)
  const first = addedLines(prompt)[0]
  if (scenario === 'p0')
    found.unshift({
      priority: 'P0',
      title: 'This loses data',
      body: 'A rehearsed finding that blocks.',
      file: first?.file ?? null,
      line: first?.line ?? null,
      confidence: 0.95,
    })
  const previous = previousOf(prompt, found)
  const fresh = found.filter((finding) => !previous.some((said) => said.title === finding.title))
  const said = complaints(prompt)
  const context = {
    findings: fresh,
    previous,
    question: questionOf(prompt),
    summary: summaryOf(fresh, previous),
    wrong: said.length > 0 ? said.join('\n') : 'The attempts did not do what the brief asks for.',
  }
  return { text: JSON.stringify(fill(schema, '', null, context)), code: 0 }
}
