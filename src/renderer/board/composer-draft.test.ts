import { describe, expect, test } from 'vitest'
import type { AgentInfo } from '../../shared/domain/host.ts'
import { dealSlots, draftProblem, emptySlot, firstAgent, resizeSlots, toSlots } from './composer-draft.ts'

const agent = (name: string, part: Partial<AgentInfo> = {}): AgentInfo => ({
  name,
  label: name,
  installed: true,
  path: null,
  version: null,
  problem: null,
  scenarios: [],
  needsCommand: false,
  ...part,
})
const agents = [
  agent('codex', { installed: false }),
  agent('shell', { needsCommand: true }),
  agent('rehearsal'),
  agent('claude'),
]

describe('composer draft', () => {
  test('begins with an agent that can start', () => {
    expect(firstAgent(agents, ['rehearsal'])).toBe('rehearsal')
    expect(firstAgent(agents, ['codex'])).toBe('claude')
    expect(firstAgent([agent('shell', { needsCommand: true }), agent('rehearsal')], [])).toBe('rehearsal')
  })

  test('more attempts repeat the last agent, but not what makes a slot differ; never beyond eight', () => {
    const one = [{ ...emptySlot('claude'), model: 'big', hint: 'be brief', scenario: 'good' }]
    const three = resizeSlots(one, 3, 'rehearsal')
    expect(three.map((slot) => [slot.agent, slot.model, slot.hint, slot.scenario])).toEqual([
      ['claude', 'big', 'be brief', 'good'],
      ['claude', 'big', '', ''],
      ['claude', 'big', '', ''],
    ])
    expect(resizeSlots([], 99, 'rehearsal')).toHaveLength(8)
    expect(resizeSlots(three, 0, 'rehearsal')).toHaveLength(1)
  })

  test('a mix deals in turn', () => {
    expect(dealSlots(['a', 'b'], 3).map((slot) => slot.agent)).toEqual(['a', 'b', 'a'])
  })

  test('empty fields are nothing to the core', () => {
    expect(toSlots({ slots: [{ ...emptySlot('claude'), model: '  ' }] })).toEqual([
      { agent: 'claude', command: null, scenario: null, model: null, hint: null },
    ])
  })

  test('says what is missing', () => {
    const slots = [emptySlot('claude')]
    expect(draftProblem({ brief: ' ', slots }, agents)).toMatch(/what is to be done/)
    expect(draftProblem({ brief: 'x', slots }, agents)).toBeNull()
    expect(draftProblem({ brief: 'x', slots: [emptySlot('codex')] }, agents)).toMatch(/not installed/)
    expect(draftProblem({ brief: 'x', slots: [emptySlot('shell')] }, agents)).toMatch(/command line/)
    expect(draftProblem({ brief: 'x', slots: [emptySlot('gone')] }, agents)).toMatch(/no agent/)
  })
})
