import type { Attempt } from '../../shared/domain/attempt.ts'
import { canAttempt } from '../../shared/machines/attempt-machine.ts'
import { type App, callOrToast } from '../connection/app-context.ts'
import { toast } from '../state/toasts.ts'

/** Why checks cannot run again now; null when they can. */
export function verifyBlocked(attempt: Attempt | null): string | null {
  if (!attempt) return 'No attempt is focused.'
  if (attempt.verdict) return `#${attempt.n} has its verdict.`
  return canAttempt(attempt.status, 'verify')
    ? null
    : `#${attempt.n} is ${attempt.status}: nothing to check now.`
}

export async function verifyAgain(app: App, attempt: Attempt): Promise<void> {
  const started = await callOrToast(() => app.core().attempts.verify({ id: attempt.id }))
  if (started) toast('ok', `#${attempt.n} is being checked again.`)
}

/** Asks the reviewers again at the head that the attempt has now, whatever they said before; its checks run first. */
export async function reviewAgain(app: App, attempt: Attempt): Promise<void> {
  const started = await callOrToast(() => app.core().review.run({ id: attempt.id }))
  if (started) toast('ok', `#${attempt.n} is being checked and reviewed again.`)
}

export async function cancelVerify(app: App, attempt: Attempt): Promise<void> {
  await callOrToast(() => app.core().attempts.cancelVerify({ id: attempt.id }))
}
