import type { CoreClient } from '../../shared/contract/client.ts'

/** What the core says of a repository's workflow. */
export type WorkflowPage = Awaited<ReturnType<CoreClient['repositories']['workflow']>>

/** A setting's value as a person writes it: short values on one line, lists and maps a line for each entry. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined || value === '') return '–'
  if (Array.isArray(value)) {
    if (value.length === 0) return 'none'
    if (value.every((one) => typeof one !== 'object' || one === null)) return value.map(String).join(', ')
    return value.map((one) => `- ${entries(one).join('\n  ')}`).join('\n')
  }
  if (typeof value === 'object') {
    const lines = entries(value)
    return lines.length === 0 ? 'none' : lines.join('\n')
  }
  return String(value)
}

function entries(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [String(value)]
  return Object.entries(value).flatMap(([key, one]) =>
    one === null || one === undefined || one === ''
      ? []
      : [`${key}: ${typeof one === 'object' ? JSON.stringify(one) : String(one)}`],
  )
}
