import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml'
import { Failure } from '../../../shared/domain/failure.ts'
import type { WorkflowErrorName, WorkflowProblem } from '../../../shared/domain/workflow.ts'

/** The text of a workflow file, taken apart; lines count from 1 in the whole file. */
export interface WorkflowSource {
  /** The front matter as a map; empty without one. */
  value: Record<string, unknown>
  template: string
  /** Line on which the template begins. */
  templateLine: number
  /** Line of a key, or of the nearest thing around it that is there; null without front matter. */
  lineOf(path: readonly (string | number)[]): number | null
  /** True when the file itself sets the key. */
  has(path: readonly (string | number)[]): boolean
}

/** Beyond this a file is no workflow any more. */
export const MAX_WORKFLOW_BYTES = 1024 * 1024

/** `workflow_invalid` for the first of `problems`, with all of them as data. */
export function workflowFailure(file: string, problems: readonly WorkflowProblem[]): Failure {
  const first = problems[0]
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : ''
  const place = first?.line ? ` line ${first.line}` : ''
  const key = first?.key ? `${first.key}: ` : ''
  return new Failure('workflow_invalid', `${file}${place}: ${key}${first?.message}${more}`, {
    name: first?.name,
    key: first?.key ?? null,
    line: first?.line ?? null,
    problems,
  })
}

/** Splits a workflow file. Throws `workflow_invalid` for YAML that cannot be read and front matter that is no map. */
export function readSource(file: string, text: string): WorkflowSource {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  if (!/^---\s*$/.test(lines[0] ?? '')) return withoutFrontMatter(lines)
  const end = lines.findIndex((line, i) => i > 0 && /^---\s*$/.test(line))
  const problem = (name: WorkflowErrorName, line: number, message: string, key: string | null = null) =>
    workflowFailure(file, [{ name, key, line, message }])
  if (end < 0) throw problem('workflow_parse_error', 1, 'the front matter has no closing “---”.')
  const counter = new LineCounter()
  const document = parseDocument(lines.slice(1, end).join('\n'), {
    lineCounter: counter,
    prettyErrors: false,
    // A merge key or a custom tag would make a value that stands nowhere in the file.
    merge: false,
  })
  // The first line of the front matter is the second of the file.
  const lineAt = (offset: number) => counter.linePos(offset).line + 1
  const error = document.errors[0]
  if (error) throw problem('workflow_parse_error', lineAt(error.pos[0]), error.message)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 }) ?? {}
  } catch (cause) {
    throw problem('workflow_parse_error', 2, cause instanceof Error ? cause.message : String(cause))
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw problem('workflow_front_matter_not_a_map', 2, 'the front matter must be a map.')
  return {
    value: withoutNulls(value) as Record<string, unknown>,
    ...templateFrom(lines, end + 1),
    lineOf: (path) => {
      const found = locate(document, path)
      return found.offset === null ? 2 : lineAt(found.offset)
    },
    has: (path) => locate(document, path).complete,
  }
}

function withoutFrontMatter(lines: readonly string[]): WorkflowSource {
  return { value: {}, ...templateFrom(lines, 0), lineOf: () => null, has: () => false }
}

function templateFrom(lines: readonly string[], from: number): { template: string; templateLine: number } {
  const first = lines.findIndex((line, i) => i >= from && line.trim() !== '')
  return { template: lines.slice(from).join('\n').trim(), templateLine: (first < 0 ? from : first) + 1 }
}

/** `key:` without a value means that the key is not set. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, part]) => (part === null ? [] : [[key, withoutNulls(part)]])),
  )
}

/** Walks down to `path` as far as the document goes. */
function locate(
  document: Document.Parsed,
  path: readonly (string | number)[],
): { offset: number | null; complete: boolean } {
  let node: unknown = document.contents
  let offset: number | null = null
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(part))
      if (!pair) return { offset, complete: false }
      offset = (isScalar(pair.key) ? pair.key.range?.[0] : undefined) ?? offset
      node = pair.value
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(part)]
      if (item === undefined) return { offset, complete: false }
      offset = (isScalar(item) || isMap(item) || isSeq(item) ? item.range?.[0] : undefined) ?? offset
      node = item
    } else {
      return { offset, complete: false }
    }
  }
  return { offset, complete: !(isScalar(node) && node.value === null) && node !== null }
}
