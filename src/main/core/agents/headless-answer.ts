import { Failure } from '../../../shared/domain/failure.ts'

/**
 * The JSON that a headless run printed as its whole standard output. Throws `agent_exited` with what it said instead: a
 * failed reviewer must never look like one that found nothing.
 */
export function readJsonAnswer(
  label: string,
  run: { code: number | null; stdout: string; stderr: string },
): unknown {
  if (run.code !== 0) {
    const said = lastLine(run.stderr) ?? lastLine(run.stdout) ?? 'no output'
    throw new Failure('agent_exited', `${label} ended with code ${run.code ?? 'none'}: ${said}`, {
      code: run.code,
    })
  }
  return parseJson(label, run.stdout)
}

/** Text → JSON; a fence of Markdown around it is taken off. Throws `agent_exited`. */
export function parseJson(label: string, text: string): unknown {
  const bare = text.trim().replace(/^```(?:json)?\s*\n([\s\S]*?)\n```$/, '$1')
  try {
    return JSON.parse(bare)
  } catch {
    throw new Failure(
      'agent_exited',
      `${label} did not answer with JSON: ${bare.slice(0, 200) || 'no output'}`,
    )
  }
}

/** The last line that is not blank, at most 300 characters; null for none. */
export function lastLine(text: string): string | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return lines.at(-1)?.trim().slice(0, 300) ?? null
}
