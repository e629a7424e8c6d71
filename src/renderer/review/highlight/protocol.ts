import type { LineTokens } from '../segments.ts'
import type { Language } from './languages.ts'

/** What the window asks of the worker: the syntax of some lines that stand below each other. */
export interface HighlightRequest {
  id: number
  language: Language
  lines: readonly string[]
}

/** The worker's answer, some lines at a time; `from` is the index of the first. */
export type HighlightAnswer =
  | { id: number; kind: 'lines'; from: number; tokens: LineTokens[] }
  | { id: number; kind: 'done' }
  /** The grammar could not be loaded or fails on this text: it stays plain. */
  | { id: number; kind: 'failed' }

/** Colours of tokens by number; 0 is plain text. Their values are the `--code-…` of review.css. */
export const COLOURS = [
  'foreground',
  'constant',
  'string',
  'comment',
  'keyword',
  'parameter',
  'function',
  'string-expression',
  'punctuation',
  'link',
] as const
