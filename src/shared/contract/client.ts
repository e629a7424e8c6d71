import { ORPCError } from '@orpc/client'
import type { ContractRouterClient } from '@orpc/contract'
import { Failure, FailureCode } from '../domain/failure.ts'
import type { contract } from './contract.ts'

/** The core as a client sees it; made from a link of either transport. */
export type CoreClient = ContractRouterClient<typeof contract>

/** A thrown error of a call as the `Failure` that the core meant, or the error itself when it is none. */
export function toFailure(error: unknown): unknown {
  // What oRPC makes of a connection that ends while a call waits. Nobody here gives up a call otherwise.
  if (error instanceof Error && error.name === 'AbortError')
    return new Failure(
      'core_unreachable',
      'The connection to Quartet was cut before it answered. Look whether it was done before you try again.',
      {},
      { cause: error },
    )
  if (!(error instanceof ORPCError)) return error
  if (error.code === 'FAILURE') {
    const data = error.data as { code?: unknown; details?: Record<string, unknown> }
    const code = FailureCode.safeParse(data?.code)
    if (code.success) return new Failure(code.data, error.message, data.details ?? {})
  }
  if (error.code === 'BAD_REQUEST') {
    // oRPC's own answer when the input does not match the contract: say what is wrong with it.
    const issues =
      (error.data as { issues?: { message: string; path?: unknown[] }[] } | undefined)?.issues ?? []
    const text = issues
      .map((issue) => [issue.path?.join('.'), issue.message].filter(Boolean).join(': '))
      .join('; ')
    return new Failure('invalid_input', text || error.message)
  }
  return error
}
