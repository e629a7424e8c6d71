import { keepGoingBlocked } from '../attempt/keep-going.ts'
import { cancelVerify, reviewAgain, verifyAgain, verifyBlocked } from '../attempt/verify-actions.ts'
import type { App } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { useReviewDrafts } from '../state/review-drafts.ts'
import { currentTask, focusedAttempt, shownAttempts } from '../state/selection.ts'
import { toast } from '../state/toasts.ts'
import { useUi } from '../state/ui.ts'
import type { CommandAction, CommandActions, CommandId } from '../ui/commands.ts'
import { type DiffController, shownDiff } from './diff-controller.ts'

type ReviewCommand = Extract<
  CommandId,
  `diff.${string}` | `attempt.${'keepGoing' | 'verify' | 'review' | 'cancelVerify' | 'findings'}`
>

/** What the commands of the diff, the findings and the checks do. */
export function reviewActions(app: App): Pick<CommandActions, ReviewCommand> {
  const inDiff = (run: (diff: DiffController) => void): CommandAction => ({
    run: () => {
      const diff = shownDiff()
      if (diff) run(diff)
    },
    blocked: () => (shownDiff() ? null : 'Open the diff first (D).'),
  })
  return {
    'attempt.keepGoing': {
      run: () => useUi.setState({ keepingGoing: focusedAttempt()?.id ?? null }),
      blocked: () => keepGoingBlocked(focusedAttempt()),
    },
    'attempt.verify': {
      run: () => {
        const attempt = focusedAttempt()
        if (attempt) void verifyAgain(app, attempt)
      },
      blocked: () => verifyBlocked(focusedAttempt()),
    },
    'attempt.review': {
      run: () => {
        const attempt = focusedAttempt()
        if (attempt) void reviewAgain(app, attempt)
      },
      blocked: () => verifyBlocked(focusedAttempt()),
    },
    'attempt.cancelVerify': {
      run: () => {
        const attempt = focusedAttempt()
        if (attempt) void cancelVerify(app, attempt)
      },
      blocked: () => (focusedAttempt()?.status === 'verifying' ? null : 'No checks run now.'),
    },
    'attempt.findings': {
      run: goToFindings,
      blocked: () => (focusedAttempt() ? null : 'No attempt is focused.'),
    },
    'diff.against': {
      run: nextAgainst,
      blocked: () => (currentTask() ? null : 'No task is open.'),
    },
    'diff.nextHunk': inDiff((diff) => diff.stepHunk(1)),
    'diff.previousHunk': inDiff((diff) => diff.stepHunk(-1)),
    'diff.nextFile': inDiff((diff) => diff.stepFile(1)),
    'diff.previousFile': inDiff((diff) => diff.stepFile(-1)),
    'diff.comment': inDiff((diff) => diff.comment()),
    'diff.viewed': inDiff((diff) => diff.toggleViewed()),
    'diff.fold': inDiff((diff) => diff.toggleFold()),
    'diff.mode': {
      run: () =>
        useReviewDrafts.setState((state) => ({ mode: state.mode === 'split' ? 'unified' : 'split' })),
      blocked: () => (shownDiff() ? null : 'Open the diff first (D).'),
    },
  }
}

/** Base, then each other attempt of the round, then the base again. */
function nextAgainst(): void {
  const task = currentTask()
  const focused = focusedAttempt()
  if (!task || !focused) return
  const others = shownAttempts(useEntities.getState(), task).filter((attempt) => attempt.id !== focused.id)
  const { against, pane } = useUi.getState()
  const at = pane === 'diff' ? others.findIndex((attempt) => attempt.id === against) : -1
  useUi.setState({ pane: 'diff', against: others[at + 1]?.id ?? null })
}

/** Opens the rail with the findings, and puts the keyboard on the first that is open. */
function goToFindings(): void {
  useUi.setState((state) => ({
    rail: true,
    zoomed: false,
    folded: { ...state.folded, 'rail.findings': false },
  }))
  // The rail may only now be drawn.
  requestAnimationFrame(() => {
    const target = document.querySelector('[data-finding-open="true"]')
    if (target instanceof HTMLElement) {
      target.focus()
      target.scrollIntoView({ block: 'nearest' })
    } else toast('info', 'No finding of this attempt is open.')
  })
}
