import { availableParallelism, totalmem } from 'node:os'
import { exec } from './measure.ts'
import { median } from './stats.ts'
import type { Limit, Missing, Options, Row, Tools } from './types.ts'

export interface Result {
  name: string
  goals: readonly string[]
  rows: Row[]
  missing: Missing[]
  /** Why it did not come to its end; rows that it had by then are kept. */
  failure: string | null
  seconds: number
}

export interface Run {
  options: Options
  results: readonly Result[]
  seconds: number
  tools: Tools
  /** What a reader has to know about this run. */
  note: string | null
}

interface Judged {
  reference: number | null
  subject: number
  ratio: number | null
  /** null: only reported. */
  met: boolean | null
}

const holds = (value: number, limit: Limit): boolean =>
  limit.is === 'at most' ? value <= limit.value : value >= limit.value

export function judge(row: Row): Judged {
  const reference = row.referenceSamples.length > 0 ? median(row.referenceSamples) : null
  const subject = median(row.subjectSamples)
  const ratio = reference === null ? null : subject / reference
  const verdicts: boolean[] = []
  if (row.ratio) verdicts.push(ratio !== null && holds(ratio, row.ratio))
  if (row.absolute) verdicts.push(holds(subject, row.absolute))
  return { reference, subject, ratio, met: verdicts.length === 0 ? null : verdicts.every(Boolean) }
}

function figure(value: number | null, unit: Row['unit']): string {
  if (value === null || Number.isNaN(value)) return '–'
  const digits = unit === 'count' ? 0 : Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  const text = value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
  return unit === 'count' ? text : `${text} ${unit}`
}

const sign = (limit: Limit) => (limit.is === 'at most' ? '≤' : '≥')

function goalText(row: Row): string {
  const parts: string[] = []
  if (row.ratio) parts.push(`${sign(row.ratio)} ${row.ratio.value} ×`)
  if (row.absolute) parts.push(`${sign(row.absolute)} ${figure(row.absolute.value, row.unit)}`)
  return parts.join(', ') || 'reported'
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const verdict = (met: boolean | null): string => (met === null ? '·' : met ? 'met' : '**missed**')

async function versions(tools: Tools): Promise<string> {
  const say = async (name: string, file: string | null, ...args: string[]) =>
    file === null
      ? `${name} missing`
      : (await exec(file, args).catch(() => `${name} ?`)).split('\n')[0]!.trim()
  const [git, tmux, chromium] = await Promise.all([
    say('git', 'git', '--version'),
    say('tmux', tools.tmux, '-V'),
    say('Chromium', tools.chromium, '--version'),
  ])
  return [
    `Node ${process.versions.node}`,
    git,
    tmux,
    chromium?.replace(/ built on.*/, ''),
    tools.pty ? 'C references compiled' : 'no C compiler',
  ].join(', ')
}

/** Cores and memory: all that is said about the machine. */
function machine(): string {
  return `${availableParallelism()} cores, ${Math.round(totalmem() / 1024 ** 3)} GB of memory, ${process.platform}`
}

export async function markdownReport(run: Run): Promise<string> {
  const rows = run.results.flatMap((result) => result.rows)
  const judged = rows.map((row) => ({ row, judged: judge(row) }))
  const gated = judged.filter(({ judged: { met } }) => met !== null)
  const missed = gated.filter(({ judged: { met } }) => met === false)
  const lines = [
    '# Benchmarks',
    '',
    'Written by `npm run bench`. Every figure of ours stands beside a reference that ran in the same job, in turn with it; a goal is a',
    'ratio of the two medians (and, where the table says so, a ceiling besides). Absolute figures are this machine’s alone.',
    '',
    `Machine: ${machine()}. ${await versions(run.tools)}. ${run.options.rounds} rounds${run.options.full ? ', long protocols' : ''}${run.options.small ? ', **tiny sizes: the figures mean nothing**' : ''}; ${(run.seconds / 60).toFixed(1)} minutes; files on ${run.options.scratch === '/dev/shm' ? 'a memory file system' : 'disk'}.`,
    '',
    ...(run.note === null ? [] : [`> ${run.note}`, '']),
    `**${gated.length - missed.length} of ${gated.length} goals met.**`,
    '',
    '| goal | what | reference | ours | ratio | goal is | |',
    '|---|---|--:|--:|--:|---|---|',
    ...judged.map(
      ({ row, judged: { reference, subject, ratio, met } }) =>
        `| ${row.goal} | ${cell(row.what)} | ${figure(reference, row.unit)} | ${figure(subject, row.unit)} | ${ratio === null || !Number.isFinite(ratio) ? '–' : `${ratio.toFixed(2)} ×`} | ${goalText(row)} | ${verdict(met)} |`,
    ),
    '',
  ]
  const troubles = [
    ...run.results.flatMap(({ missing }) =>
      missing.map(({ goal, what, why }) => `- **${goal}** ${what}: ${why}.`),
    ),
    ...run.results.flatMap(({ name, goals, failure }) =>
      failure === null ? [] : [`- **${name}** (${goals.join(', ')}): ${failure.split('\n')[0]}.`],
    ),
  ]
  if (troubles.length > 0) lines.push('## Not measured', '', ...troubles, '')
  lines.push('## How each was measured', '')
  for (const {
    row,
    judged: { met },
  } of judged) {
    lines.push(
      `- **${row.goal}** ${row.what}. Reference: ${row.reference}. Ours: ${row.subject}. Proof: ${row.proof}.${row.note ? ` ${row.note}` : ''}${met === false ? ` **Missed.**${row.ifMissed ? ` ${row.ifMissed}` : ''}` : ''}`,
      `  <br>Samples (${row.unit}): reference ${spread(row.referenceSamples)}; ours ${spread(row.subjectSamples)}.`,
    )
  }
  return `${lines.join('\n')}\n`
}

function spread(samples: readonly number[]): string {
  if (samples.length === 0) return '–'
  const shown =
    samples.length > 12
      ? [...samples].sort((a, b) => a - b).filter((_, i, all) => i % Math.ceil(all.length / 12) === 0)
      : samples
  const text = shown.map((value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2))).join(' ')
  return samples.length > 12
    ? `${text} (every ${Math.ceil(samples.length / 12)}th of ${samples.length}, sorted)`
    : text
}

export async function jsonReport(run: Run): Promise<unknown> {
  return {
    machine: {
      cores: availableParallelism(),
      memoryGb: Math.round(totalmem() / 1024 ** 3),
      platform: process.platform,
    },
    versions: await versions(run.tools),
    note: run.note,
    options: { rounds: run.options.rounds, full: run.options.full, small: run.options.small },
    seconds: Math.round(run.seconds),
    results: run.results.map((result) => ({
      ...result,
      rows: result.rows.map((row) => ({ ...row, judged: judge(row) })),
    })),
  }
}
