import { describe, expect, it } from 'vitest'
import { isTrusted, parseWorkflow } from './workflow.ts'

const FILE = `---
hooks:
  after_create: npm ci
verify:
  - name: test
    run: npm test
    timeout_ms: 1000
  - { name: lint, run: npm run lint, required: false }
land: { method: rebase }
tracker: { kind: linear }
---
Do {{ issue.title }}.
`

describe('a WORKFLOW.md', () => {
  it('gives its checks, hooks, template and the commands that need consent', () => {
    const workflow = parseWorkflow(FILE)
    expect(workflow.checks).toEqual([
      { name: 'test', run: 'npm test', timeout_ms: 1000, required: true },
      { name: 'lint', run: 'npm run lint', timeout_ms: 600_000, required: false },
    ])
    expect(workflow.hooks.after_create).toBe('npm ci')
    expect(workflow.landMethod).toBe('rebase')
    expect(workflow.template).toBe('Do {{ issue.title }}.')
    expect(workflow.commands.map((command) => command.key)).toEqual([
      'hooks.after_create',
      'verify.test',
      'verify.lint',
    ])
  })

  it('is only a template without front matter', () => {
    expect(parseWorkflow('Just text')).toMatchObject({ template: 'Just text', hash: null, checks: [] })
  })

  it('names the key or the line of what is wrong', () => {
    expect(() => parseWorkflow('---\nverify: 3\n---\n')).toThrow('verify')
    expect(() => parseWorkflow('---\na: [\n---\n')).toThrow(/line \d/)
    expect(() => parseWorkflow('---\n- a\n---\n')).toThrow('must be a map')
    expect(() => parseWorkflow('---\nhooks: { timeout_ms: -1 }\n---\n')).toThrow('hooks.timeout_ms')
  })
})

describe('consent', () => {
  it('covers exactly the commands it was given for', () => {
    const workflow = parseWorkflow(FILE)
    const changed = parseWorkflow(FILE.replace('npm test', 'npm test; curl evil'))
    const reworded = parseWorkflow(FILE.replace('Do {{', 'Please do {{'))
    expect(isTrusted(workflow, workflow.hash)).toBe(true)
    expect(isTrusted(changed, workflow.hash)).toBe(false)
    expect(isTrusted(reworded, workflow.hash)).toBe(true)
    expect(isTrusted(workflow, null)).toBe(false)
    expect(isTrusted(parseWorkflow('no commands'), null)).toBe(true)
  })
})
