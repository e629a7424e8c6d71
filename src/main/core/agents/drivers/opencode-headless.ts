import { z } from 'zod'
import type { Usage } from '../../../../shared/domain/attempt.ts'
import { Failure } from '../../../../shared/domain/failure.ts'
import type { HeadlessAnswer } from '../driver.ts'
import { lastLine, parseJson } from '../headless-answer.ts'

/** The prompt with the form of its answer: `opencode run` takes no schema, so that the model has to be told. */
export function withSchema(prompt: string, schema: Readonly<Record<string, unknown>>): string {
  return `${prompt}\n\nYour last message must be one JSON object that follows this JSON Schema, and nothing else: no words around it.\n\n${JSON.stringify(schema)}\n`
}

const count = z.number().nonnegative().catch(0)
const Line = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('text'),
    part: z.object({ messageID: z.string(), text: z.string() }),
  }),
  z.object({
    type: z.literal('tool_use'),
    part: z.object({ state: z.looseObject({ status: z.string() }) }),
  }),
  z.object({
    type: z.literal('step_finish'),
    part: z.object({
      cost: count,
      tokens: z.object({
        input: count,
        output: count,
        reasoning: count,
        cache: z.object({ read: count, write: count }),
      }),
    }),
  }),
  z.object({
    type: z.literal('error'),
    error: z.looseObject({
      name: z.string().optional(),
      data: z.looseObject({ message: z.string().optional() }).optional(),
    }),
  }),
])
type Line = z.infer<typeof Line>

function linesOf(stdout: string): Line[] {
  return stdout.split('\n').flatMap((text) => {
    try {
      const line = Line.safeParse(JSON.parse(text))
      return line.success ? [line.data] : []
    } catch {
      // A line of the program's own, beside its events.
      return []
    }
  })
}

/**
 * Reads what `opencode run --format json` printed: the last message of its model as JSON, and what all its answers used.
 * Throws `agent_exited` with what it said instead: a failed reviewer must never look like one that found nothing.
 */
export function readRun(
  label: string,
  run: { code: number | null; stdout: string; stderr: string },
): HeadlessAnswer {
  const lines = linesOf(run.stdout)
  const error = lines.findLast((line) => line.type === 'error')
  if (run.code !== 0 || error) {
    const said =
      error?.error.data?.message ?? error?.error.name ?? lastLine(run.stderr) ?? lastLine(run.stdout)
    throw new Failure(
      'agent_exited',
      `${label} ended with code ${run.code ?? 'none'}: ${said ?? 'no output'}`,
      {
        code: run.code,
      },
    )
  }
  const texts = lines.filter((line) => line.type === 'text').map((line) => line.part)
  const last = texts.at(-1)?.messageID
  const text = texts.filter((part) => part.messageID === last).map((part) => part.text)
  return { value: parseJson(label, text.join('')), usage: usageOf(lines) }
}

function usageOf(lines: readonly Line[]): Usage | null {
  const steps = lines.filter((line) => line.type === 'step_finish').map((line) => line.part)
  if (steps.length === 0) return null
  const sum = (of: (step: (typeof steps)[number]) => number) => steps.reduce((so, step) => so + of(step), 0)
  const cost = sum((step) => step.cost)
  const calls = lines.filter((line) => line.type === 'tool_use')
  return {
    inputTokens: sum(({ tokens }) => tokens.input + tokens.cache.read + tokens.cache.write),
    cachedTokens: sum(({ tokens }) => tokens.cache.read),
    outputTokens: sum(({ tokens }) => tokens.output + tokens.reasoning),
    // Nothing is what it says of a model whose price it does not know.
    cost: cost > 0 ? cost : null,
    turns: 1,
    toolCalls: calls.length,
    toolFailures: calls.filter((call) => call.part.state.status === 'error').length,
    compactions: 0,
  }
}
