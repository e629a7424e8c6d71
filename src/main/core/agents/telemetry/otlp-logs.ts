import { z } from 'zod'

/** One record of an agent's log, as far as anybody here reads it: its attributes as text, by name. */
export interface LogRecord {
  /** The same when a batch that was not confirmed is sent again, different for any two other records of one sender. */
  key: string
  attributes: Readonly<Record<string, string>>
}

const Value = z.object({
  stringValue: z.string().optional(),
  boolValue: z.boolean().optional(),
  // 64 bits: as text by the specification, as a number by some senders.
  intValue: z.union([z.string(), z.number()]).optional(),
  doubleValue: z.number().optional(),
})
const Nanoseconds = z.union([z.string(), z.number()]).optional()
const Logs = z.object({
  resourceLogs: z.array(
    z.object({
      scopeLogs: z.array(
        z.object({
          logRecords: z
            .array(
              z.object({
                timeUnixNano: Nanoseconds,
                observedTimeUnixNano: Nanoseconds,
                attributes: z.array(z.object({ key: z.string(), value: Value })).default([]),
              }),
            )
            .default([]),
        }),
      ),
    }),
  ),
})

/** Reads a request of OTLP/HTTP in its JSON encoding (`POST /v1/logs`). Null when it is none. */
export function parseLogs(body: string): LogRecord[] | null {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return null
  }
  const parsed = Logs.safeParse(value)
  if (!parsed.success) return null
  return parsed.data.resourceLogs
    .flatMap((resource) => resource.scopeLogs)
    .flatMap((scope) => scope.logRecords)
    .map(({ timeUnixNano, observedTimeUnixNano, attributes }) => {
      const named = attributes.map(({ key, value }) => [key, textOf(value)] as const)
      const record = Object.fromEntries(named)
      const key = [timeUnixNano, observedTimeUnixNano, record['event.name'], record['event.sequence']].join(
        ' ',
      )
      return { key, attributes: record }
    })
}

/** Lists and maps, of which none tells about use, become nothing. */
const textOf = (value: z.infer<typeof Value>): string =>
  String(value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue ?? '')
