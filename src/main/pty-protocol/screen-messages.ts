import { z } from 'zod'

/** Where the process finds its end of the socket. */
export const SCREENS_FD = 3

/**
 * What the host and the process that draws its screens (`main/screens`) say to each other, in the frames of
 * `framing.ts`, in order both ways. `s` numbers a screen, `re` a question; bytes travel in the frame's tail.
 * Both ends are always of one build, so there is no version.
 */
const size = { cols: z.number(), rows: z.number() }
/** `sizes`: how many changes of size the screen has gone through then. */
const place = { ...size, sizes: z.number() }

const ReplayRequestSchema = z.object({
  logPath: z.string(),
  ...size,
  until: z.number().optional(),
  scrollback: z.number(),
  want: z.enum(['screen', 'text']),
})

export const ToScreens = z.discriminatedUnion('op', [
  /** A screen with nothing on it. */
  z.object({ op: z.literal('open'), s: z.number(), ...place }),
  /** A screen with what a log holds up to `until`: after this process had to be started again. */
  z.object({ op: z.literal('redraw'), s: z.number(), ...place, logPath: z.string(), until: z.number() }),
  /** The last byte of the tail is at `end` - 1. */
  z.object({ op: z.literal('write'), s: z.number(), end: z.number() }),
  z.object({ op: z.literal('resize'), s: z.number(), ...place }),
  z.object({ op: z.literal('close'), s: z.number() }),
  /** Answered when everything before is drawn. */
  z.object({ op: z.literal('settle'), s: z.number(), re: z.number() }),
  /** Answered with what is drawn by now. */
  z.object({ op: z.literal('snapshot'), s: z.number(), re: z.number() }),
  /** Answered when everything before is drawn, with the screen, deflated; it is closed then. */
  z.object({ op: z.literal('freeze'), s: z.number(), re: z.number() }),
  z.object({ op: z.literal('replay'), re: z.number(), request: ReplayRequestSchema }),
])
export type ToScreens = z.infer<typeof ToScreens>
/** A question before it gets its number. */
export type ScreenQuestion = ToScreens extends infer M
  ? M extends { re: number }
    ? Omit<M, 're'>
    : never
  : never

export const FromScreens = z.discriminatedUnion('op', [
  /** Everything before `end` is drawn. */
  z.object({ op: z.literal('drawn'), s: z.number(), end: z.number() }),
  /** To be typed into the program. */
  z.object({ op: z.literal('answer'), s: z.number(), text: z.string() }),
  z.object({ op: z.literal('title'), s: z.number(), title: z.string() }),
  z.object({ op: z.literal('bell'), s: z.number() }),
  z.object({ op: z.literal('notice'), s: z.number(), text: z.string() }),
  z.object({ op: z.literal('settled'), re: z.number(), bracketedPaste: z.boolean() }),
  /** The screen in the tail; `shallow`: with less above it than there is, as a flood went on. */
  z.object({
    op: z.literal('screen'),
    re: z.number(),
    offset: z.number(),
    ...place,
    shallow: z.boolean(),
  }),
  z.object({ op: z.literal('no'), re: z.number(), message: z.string() }),
])
export type FromScreens = z.infer<typeof FromScreens>
