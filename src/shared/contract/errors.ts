import { oc } from '@orpc/contract'
import { z } from 'zod'
import { FailureCode } from '../domain/failure.ts'

/**
 * Every procedure can fail in two declared ways: FAILURE is expected and carries a code and one sentence for the user;
 * INTERNAL is a bug of ours and carries the id that finds its line in the log.
 */
export const procedure = oc.errors({
  FAILURE: { status: 422, data: z.object({ code: FailureCode, details: z.record(z.string(), z.unknown()) }) },
  INTERNAL: { status: 500, data: z.object({ errorId: z.string() }) },
})
