import { ORPCError } from '@orpc/client'
import { ValidationError } from '@orpc/contract'
import { Failure } from '../../../shared/domain/failure.ts'
import { mintId } from '../../kernel/ids.ts'
import type { Logger } from '../../kernel/logger.ts'
import type { Redactor } from '../../kernel/redact.ts'

/** An error, thrown while `path` was served, as what may travel to a client. */
export type ErrorMapper = (error: unknown, path: readonly string[]) => ORPCError<string, unknown>

/**
 * The one place where errors of the core become errors on the wire: a `Failure` keeps its code, sentence and data; input
 * that breaks the contract stays BAD_REQUEST; anything else is a bug of ours, whose text may hold secrets or paths, so
 * only an id travels and the whole error goes to the (redacting) log under that id.
 */
export function errorMapper(log: Logger, redactor: Redactor): ErrorMapper {
  return (error, path) => {
    if (error instanceof ORPCError) {
      if (error.code === 'FAILURE') return error
      if (error.code === 'BAD_REQUEST' && error.cause instanceof ValidationError) return error
    }
    if (error instanceof Failure) {
      return new ORPCError('FAILURE', {
        defined: true,
        status: 422,
        message: redactor.text(error.message),
        data: { code: error.code, details: jsonOf(error.data, redactor) },
      })
    }
    const errorId = mintId('err')
    log.error('a call failed unexpectedly', {
      errorId,
      path: path.join('.'),
      error,
      ...(error instanceof Error && error.cause instanceof ValidationError
        ? { issues: error.cause.issues.slice(0, 5) }
        : {}),
    })
    return new ORPCError('INTERNAL', {
      defined: true,
      status: 500,
      message: `Something went wrong inside Quartet; the log tells more under ${errorId}.`,
      data: { errorId },
    })
  }
}

/** What of a failure's data can travel, without secrets; a value that cannot (a circle) must not turn the answer into a crash. */
function jsonOf(data: Record<string, unknown>, redactor: Redactor): Record<string, unknown> {
  try {
    const copy = redactor.data(JSON.parse(JSON.stringify(data)))
    return typeof copy === 'object' && copy !== null ? { ...copy } : {}
  } catch {
    return {}
  }
}
