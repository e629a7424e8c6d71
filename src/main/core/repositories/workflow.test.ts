import { describe, expect, it } from 'vitest'
import { isFailure } from '../../../shared/domain/failure.ts'
import { isTrusted, parseWorkflow } from './workflow.ts'
import { resolvePath, resolveValue } from './workflow-expand.ts'

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
      { name: 'test', run: 'npm test', timeout_ms: 1000, required: true, parallel: false },
      { name: 'lint', run: 'npm run lint', timeout_ms: 600_000, required: false, parallel: false },
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

describe('a broken WORKFLOW.md', () => {
  const problemsOf = (text: string) => {
    try {
      parseWorkflow(text)
    } catch (error) {
      if (isFailure(error, 'workflow_invalid')) return error.data.problems
      throw error
    }
    return []
  }

  it.each([
    ['---\n\nverify:\n  - name: a\n---\n', 'workflow_parse_error', 'verify[0].run', 4],
    ['---\nverify:\n  parallel: maybe\n---\n', 'workflow_parse_error', 'verify.parallel', 3],
    ['---\n# x\nagent:\n  max_turns: many\n---\n', 'workflow_parse_error', 'agent.max_turns', 4],
    ['---\nreview:\n  exchanges: 3\n---\n', 'workflow_parse_error', 'review.exchanges', 3],
    ['---\nattempts:\n  agents: [a, {model: x}]\n---\n', 'workflow_parse_error', 'attempts.agents[1]', 3],
    ['---\na: 1\nb: [\n---\n', 'workflow_parse_error', null, 3],
    ['---\na: 1\na: 2\n---\n', 'workflow_parse_error', null, 3],
    ['---\nnever closed\n', 'workflow_parse_error', null, 1],
    ['---\n- a\n---\n', 'workflow_front_matter_not_a_map', null, 2],
  ])('%j → %s %s at line %d', (text, name, key, line) => {
    expect(problemsOf(text)).toEqual([
      expect.objectContaining({ name, key, line, message: expect.any(String) }),
    ])
  })

  it('says what a value must be in the words of people who write YAML, in the order of the file', () => {
    const text = [
      '---',
      'attempts: 4',
      'verify:',
      '  - name: test',
      'land:',
      '  method: fast',
      'review:',
      '  exchanges: many',
      'agent:',
      '  max_turns: 0',
      'hooks:',
      '  after_create: [npm ci]',
      '---',
    ].join('\n')
    expect(problemsOf(text)).toMatchObject([
      { line: 2, key: 'attempts', message: 'must be a map, not a number' },
      { line: 4, key: 'verify[0].run', message: 'is missing: text' },
      { line: 6, key: 'land.method', message: 'must be one of squash, merge, rebase' },
      { line: 8, key: 'review.exchanges', message: 'must be a number, not text' },
      { line: 10, key: 'agent.max_turns', message: 'must be larger than 0' },
      { line: 12, key: 'hooks.after_create', message: 'must be text, not a list' },
    ])
  })

  it('says all that is wrong at once', () => {
    expect(problemsOf('---\nhooks: {timeout_ms: 0}\nland: {method: throw}\n---\n')).toMatchObject([
      { key: 'hooks.timeout_ms', line: 2 },
      { key: 'land.method', line: 3 },
    ])
  })
})

describe('what Symphony repositories hold', () => {
  it('is taken as that specification says, and what we do not know is left alone', () => {
    const workflow = parseWorkflow(
      [
        '---',
        'tracker:',
        '  kind: linear',
        '  provider: { api_key: $LINEAR_API_KEY, project: x }',
        '  required_labels: [" Agent ", ""]',
        '  active_states: Todo, In Progress',
        'polling: { interval_ms: "15000" }',
        'agent:',
        '  max_concurrent_agents: 3',
        '  max_concurrent_agents_by_state: { " Todo ": 2, Broken: 0, Half: 1.5 }',
        'codex:',
        '  stall_timeout_ms: 0',
        'hooks:',
        '  before_run:',
        'server: { port: 4000 }',
        '---',
        '',
        'Do {{ issue.identifier }}',
      ].join('\n'),
    )
    expect(workflow.tracker).toEqual({
      kind: 'linear',
      provider: { api_key: '$LINEAR_API_KEY', project: 'x' },
      requiredLabels: ['agent', ''],
      activeStates: ['todo', 'in progress'],
      terminalStates: null,
    })
    expect(workflow.pollingMs).toBe(15_000)
    expect(workflow.agent).toMatchObject({
      maxConcurrent: 3,
      maxConcurrentByState: { todo: 2 },
      maxTurns: 20,
    })
    expect(workflow.codex).toMatchObject({ command: 'codex app-server', stallTimeoutMs: 0 })
    expect(workflow.unknownKeys).toEqual(['server'])
    expect(workflow.templateLine).toBe(18)
    expect(workflow.hash).toBeNull()
  })

  it('has defaults for everything', () => {
    expect(parseWorkflow('---\n---\n')).toMatchObject({
      hooks: { timeoutMs: 60_000 },
      agent: { maxConcurrent: null, maxRetryBackoffMs: 300_000 },
      codex: { turnTimeoutMs: 3_600_000, readTimeoutMs: 5_000, stallTimeoutMs: null },
      review: { reviewers: null, exchanges: 2 },
      land: { budget: 3, method: null },
    })
  })

  it('expands names from the environment in values and paths, and nothing else', () => {
    const env = { HOME: '/home/ann', KEY: 'secret', EMPTY: '' }
    expect(resolveValue('$KEY', env)).toBe('secret')
    expect(resolveValue('$EMPTY', env)).toBeNull()
    expect(resolveValue('https://x/$KEY', env)).toBe('https://x/$KEY')
    expect(resolveValue(7, env)).toBe(7)
    expect(resolvePath('~/work/$KEY', '/repo', env)).toBe('/home/ann/work/secret')
    expect(resolvePath('trees', '/repo', env)).toBe('/repo/trees')
    expect(resolvePath('/x/$MISSING/y', '/repo', env)).toBeNull()
    expect(resolvePath('~bob/x', '/repo', env)).toBe('/repo/~bob/x')
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
    expect(parseWorkflow('---\ncodex: {command: codex --yolo}\n---\n').commands).toEqual([
      { key: 'codex.command', run: 'codex --yolo' },
    ])
    const slot = '---\nattempts: {agents: [{agent: shell, command: ./run}]}\n---\n'
    expect(parseWorkflow(slot).commands).toEqual([{ key: 'attempts.agents[0].command', run: './run' }])
  })
})
