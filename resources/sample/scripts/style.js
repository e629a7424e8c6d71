// A style check without dependencies: what it finds, it prints as `file:line: what`, and ends with code 1.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const RULES = [
  [/\t/, 'a tab'],
  [/[ \t]+$/, 'blanks at the end of the line'],
  [/;$/, 'a semicolon at the end of the line'],
  [/\bconsole\.log\b/, 'console.log in the library'],
]

const problems = []
for (const folder of ['src', 'test']) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.js'))) {
    const file = join(folder, name)
    const text = readFileSync(file, 'utf8')
    if (!text.endsWith('\n')) problems.push(`${file}: no newline at the end`)
    text.split('\n').forEach((line, index) => {
      for (const [shape, what] of RULES) {
        if (shape.test(line)) problems.push(`${file}:${index + 1}: ${what}`)
      }
    })
  }
}
for (const problem of problems) console.error(problem)
process.exitCode = problems.length > 0 ? 1 : 0
