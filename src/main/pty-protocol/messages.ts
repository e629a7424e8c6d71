import { z } from 'zod'

/** Grows with every change that an older host or core would misread. */
export const PROTOCOL_VERSION = 1

export const ExitReasonSchema = z.enum(['exited', 'killed', 'lost', 'spawn_failed'])

const ExitSchema = z.object({
  code: z.number().nullable(),
  signal: z.number().nullable(),
  reason: ExitReasonSchema,
  offset: z.number(),
  at: z.number(),
})

const SpecSchema = z.object({
  id: z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/),
  epoch: z.number().int().nonnegative(),
  file: z.string().min(1),
  args: z.array(z.string()),
  cwd: z.string().min(1),
  env: z.record(z.string(), z.string()),
  cols: z.number().int().min(1).max(1_000),
  rows: z.number().int().min(1).max(1_000),
  logPath: z.string().min(1),
  logSegmentBytes: z.number().int().positive().optional(),
  logSegments: z.number().int().min(2).optional(),
})

const InfoSchema = z.object({
  id: z.string(),
  epoch: z.number(),
  state: z.enum(['live', 'exited']),
  pid: z.number(),
  pidStartedAt: z.string(),
  startedAt: z.number(),
  offset: z.number(),
  cols: z.number(),
  rows: z.number(),
  title: z.string(),
  lastOutputAt: z.number(),
  logging: z.boolean(),
  logPath: z.string(),
  exit: ExitSchema.nullable(),
})

const life = { id: z.string(), epoch: z.number() }
export const EventSchema = z.discriminatedUnion('type', [
  z.object({ ...life, type: z.literal('activity'), offset: z.number(), at: z.number() }),
  z.object({ ...life, type: z.literal('title'), title: z.string() }),
  z.object({ ...life, type: z.literal('bell'), at: z.number() }),
  z.object({ ...life, type: z.literal('notice'), text: z.string(), at: z.number() }),
  z.object({ ...life, type: z.literal('resized'), cols: z.number(), rows: z.number() }),
  z.object({
    ...life,
    type: z.literal('log'),
    logging: z.boolean(),
    offset: z.number(),
    lost: z.number(),
    message: z.string(),
  }),
  z.object({ ...life, type: z.literal('exit'), exit: ExitSchema }),
])

const size = { cols: z.number().int().min(1).max(1_000), rows: z.number().int().min(1).max(1_000) }
const ResumeSchema = z.object({ epoch: z.number(), offset: z.number() }).nullable()

/** What a client asks; `re` numbers the question, bytes travel in the frame's tail. */
const RequestSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('list'), re: z.number() }),
  z.object({ op: z.literal('create'), re: z.number(), spec: SpecSchema }),
  z.object({ op: z.literal('write'), re: z.number(), id: z.string(), writer: z.string(), seq: z.number() }),
  z.object({
    op: z.literal('paste'),
    re: z.number(),
    id: z.string(),
    text: z.string(),
    submit: z.boolean(),
    writer: z.string(),
    seq: z.number(),
  }),
  z.object({ op: z.literal('resize'), re: z.number(), id: z.string(), ...size }),
  z.object({ op: z.literal('kill'), re: z.number(), id: z.string(), reason: z.string() }),
  z.object({ op: z.literal('forget'), re: z.number(), id: z.string() }),
  z.object({
    op: z.literal('replay'),
    re: z.number(),
    logPath: z.string(),
    ...size,
    until: z.number().optional(),
    scrollback: z.number().int().min(0).max(10_000),
    want: z.enum(['screen', 'text']),
  }),
  /** The host starts nothing any more and leaves with its last session: a newer one takes over. */
  z.object({ op: z.literal('drain'), re: z.number() }),
])
export type Request = z.infer<typeof RequestSchema>
/** A request before it gets its number. */
export type RequestBody = Request extends infer R ? (R extends { re: number } ? Omit<R, 're'> : never) : never

/** What needs no answer: readers of terminals, `a` numbers the attachment on its connection. */
const NoteSchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('attach'), a: z.number(), id: z.string(), from: ResumeSchema }),
  z.object({ op: z.literal('grant'), a: z.number(), bytes: z.number() }),
  z.object({ op: z.literal('detach'), a: z.number() }),
])
export type Note = z.infer<typeof NoteSchema>

/** All that a client says. */
export const ClientSchema = z.discriminatedUnion('op', [...RequestSchema.options, ...NoteSchema.options])

export const ReplySchema = z.discriminatedUnion('op', [
  z.object({ op: z.literal('ok'), re: z.number(), value: z.unknown() }),
  z.object({
    op: z.literal('no'),
    re: z.number(),
    code: z.string(),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
  }),
  z.object({ op: z.literal('event'), event: EventSchema }),
  z.object({
    op: z.literal('screen'),
    a: z.number(),
    mode: z.enum(['snapshot', 'resume']),
    epoch: z.number(),
    offset: z.number(),
    cols: z.number(),
    rows: z.number(),
  }),
  z.object({ op: z.literal('out'), a: z.number(), offset: z.number() }),
  z.object({ op: z.literal('resized'), a: z.number(), cols: z.number(), rows: z.number() }),
  z.object({ op: z.literal('exited'), a: z.number(), exit: ExitSchema }),
  z.object({ op: z.literal('failed'), a: z.number(), code: z.string(), message: z.string() }),
])
export type Reply = z.infer<typeof ReplySchema>

/** Values of `ok`, by request. */
export const ListValue = z.array(InfoSchema)
export const InfoValue = InfoSchema
export const KillValue = z.object({ signalled: z.number(), survivors: z.array(z.number()) })
export const ReplayValue = z.object({ offset: z.number(), cols: z.number(), rows: z.number() })

/**
 * The handshake, stable over all versions: the host says hello with a nonce, the client proves that it knows the secret,
 * the host proves the same. Neither ever sends the secret. Of a host of another version only `list`, `kill` and `drain`
 * are understood.
 */
export const HelloSchema = z.object({
  op: z.literal('hello'),
  version: z.number(),
  pid: z.number(),
  nonce: z.string(),
})
export const ProofSchema = z.object({
  op: z.literal('proof'),
  version: z.number(),
  nonce: z.string(),
  proof: z.string(),
})
export const WelcomeSchema = z.object({ op: z.literal('welcome'), proof: z.string() })
