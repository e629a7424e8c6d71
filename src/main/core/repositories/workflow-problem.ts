import type { z } from 'zod'

type Issue = z.core.$ZodIssue

/** The types of YAML as people who write it call them. */
const KINDS: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  null: 'empty',
}
const kindOf = (type: string): string => KINDS[type] ?? type

/** What is wrong with one value of the front matter, after its key: “must be a map, not a number”. */
export function problemText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type': {
      const received = /received (\w+)/.exec(issue.message)?.[1] ?? 'undefined'
      return received === 'undefined'
        ? `is missing: ${kindOf(issue.expected)}`
        : `must be ${kindOf(issue.expected)}, not ${kindOf(received)}`
    }
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`
    case 'too_small':
      if (issue.origin === 'number' || issue.origin === 'int')
        return `must be ${issue.inclusive ? 'at least' : 'larger than'} ${issue.minimum}`
      return issue.minimum === 1 ? 'must not be empty' : `must have at least ${issue.minimum} entries`
    case 'too_big':
      return issue.origin === 'number' || issue.origin === 'int'
        ? `must be ${issue.inclusive ? 'at most' : 'smaller than'} ${issue.maximum}`
        : `must have at most ${issue.maximum} ${issue.origin === 'string' ? 'characters' : 'entries'}`
    case 'invalid_union':
      return 'has none of the forms that it may have'
    default:
      return issue.message.replace(/^Invalid input: /, '')
  }
}
