export type CommandGroup = 'Task' | 'Verdict' | 'Attempt' | 'Look' | 'Diff' | 'Terminal' | 'App'

interface CommandSpec {
  id: string
  title: string
  group: CommandGroup
  /** Keys while neither a terminal nor a field has the keyboard. */
  plain?: readonly string[]
  /** Key together with the app's modifier (⌘, or Ctrl+Shift): works everywhere. */
  app?: string
  /** Works with a dialog open, too. */
  anywhere?: boolean
  /** Not in the palette: there it makes no sense. */
  keyOnly?: boolean
}

const define = <const T extends readonly CommandSpec[]>(commands: T) => commands

/** Every action of the app, with its keys: the palette, the help and the keyboard are made from this one list. */
const LIST = define([
  { id: 'task.new', title: 'New task', group: 'Task', plain: ['n'], app: 'n' },
  { id: 'nav.needsMe', title: 'Next that needs me', group: 'Task', plain: ['j', 'Space'], app: 'j' },
  { id: 'nav.nextTask', title: 'Next task', group: 'Task', plain: ['ArrowDown'] },
  { id: 'nav.previousTask', title: 'Previous task', group: 'Task', plain: ['ArrowUp'] },
  { id: 'task.fireAgain', title: 'Fire the next round', group: 'Task', plain: ['f'] },
  { id: 'task.lesson', title: 'Edit what the trashed round taught', group: 'Task' },
  { id: 'task.land', title: 'Go on with the landing', group: 'Task', plain: ['l'] },
  { id: 'task.abandon', title: 'Abandon this task', group: 'Task' },
  { id: 'verdict.mergeable', title: 'Mergeable', group: 'Verdict', plain: ['m'], app: 'm' },
  { id: 'verdict.trash', title: 'Trash (twice: without a reason)', group: 'Verdict', plain: ['t'], app: 'e' },
  { id: 'verdict.undo', title: 'Undo the verdict', group: 'Verdict', plain: ['u'], app: 'u' },
  { id: 'attempt.stop', title: 'Stop the agent', group: 'Attempt', plain: ['x'] },
  { id: 'attempt.resume', title: 'Resume the agent', group: 'Attempt', plain: ['r'] },
  { id: 'attempt.restore', title: 'Restore from trash', group: 'Attempt' },
  {
    id: 'attempt.keepGoing',
    title: 'Keep it going: send comments to its agent',
    group: 'Attempt',
    plain: ['k'],
  },
  { id: 'attempt.verify', title: 'Run its checks again', group: 'Attempt', plain: ['y'] },
  { id: 'attempt.review', title: 'Have its reviewers look again', group: 'Attempt' },
  { id: 'attempt.cancelVerify', title: 'Stop its checks', group: 'Attempt' },
  { id: 'attempt.findings', title: 'Go to its findings', group: 'Attempt', plain: ['b'] },
  { id: 'tile.1', title: 'Focus attempt 1', group: 'Look', plain: ['1'], app: '1' },
  { id: 'tile.2', title: 'Focus attempt 2', group: 'Look', plain: ['2'], app: '2' },
  { id: 'tile.3', title: 'Focus attempt 3', group: 'Look', plain: ['3'], app: '3' },
  { id: 'tile.4', title: 'Focus attempt 4', group: 'Look', plain: ['4'], app: '4' },
  { id: 'tile.5', title: 'Focus attempt 5', group: 'Look', plain: ['5'], app: '5' },
  { id: 'tile.6', title: 'Focus attempt 6', group: 'Look', plain: ['6'], app: '6' },
  { id: 'tile.7', title: 'Focus attempt 7', group: 'Look', plain: ['7'], app: '7' },
  { id: 'tile.8', title: 'Focus attempt 8', group: 'Look', plain: ['8'], app: '8' },
  { id: 'tile.9', title: 'Focus the last attempt', group: 'Look', plain: ['9'], app: '9' },
  { id: 'tile.zoom', title: 'Zoom the tile and back', group: 'Look', plain: ['z'], app: 'z' },
  { id: 'view.terminals', title: 'Show the terminals', group: 'Look', plain: ['w'] },
  { id: 'view.matrix', title: 'Show the matrix of attempts', group: 'Look', plain: ['a'], app: 'a' },
  { id: 'view.diff', title: 'Show the diff', group: 'Look', plain: ['d'], app: 'd' },
  { id: 'view.timeline', title: 'Show the timeline', group: 'Look', plain: ['g'], app: 'g' },
  { id: 'view.replay', title: 'Replay what the attempt’s terminal showed', group: 'Look', plain: ['q'] },
  { id: 'view.sidebar', title: 'Show or hide the task list', group: 'Look', plain: ['['] },
  { id: 'view.rail', title: 'Show or hide the evidence', group: 'Look', plain: [']'] },
  { id: 'diff.against', title: 'Diff against the base, or the next attempt', group: 'Diff', plain: ['o'] },
  { id: 'diff.nextHunk', title: 'Next hunk', group: 'Diff', plain: ['h'] },
  { id: 'diff.previousHunk', title: 'Previous hunk', group: 'Diff', plain: ['p'] },
  { id: 'diff.nextFile', title: 'Next file of the diff', group: 'Diff', plain: ['>', '.'] },
  { id: 'diff.previousFile', title: 'Previous file of the diff', group: 'Diff', plain: ['<'] },
  {
    id: 'diff.comment',
    title: 'Comment on the chosen lines (Shift with arrows: several)',
    group: 'Diff',
    plain: ['c'],
  },
  { id: 'diff.viewed', title: 'Mark the file as viewed, or not', group: 'Diff', plain: ['v'] },
  { id: 'diff.fold', title: 'Open or close the file', group: 'Diff', plain: ['e'] },
  { id: 'diff.mode', title: 'Lines in one column or side by side', group: 'Diff', plain: ['s'] },
  { id: 'terminal.enter', title: 'Type into the terminal', group: 'Terminal', plain: ['Enter', 'i'] },
  {
    id: 'terminal.leave',
    title: 'Leave the terminal (or Esc twice)',
    group: 'Terminal',
    app: 'Escape',
    keyOnly: true,
  },
  { id: 'terminal.search', title: 'Find in the terminal', group: 'Terminal', plain: ['/'], app: 'f' },
  { id: 'terminal.copy', title: 'Copy the selection', group: 'Terminal', app: 'c', keyOnly: true },
  { id: 'terminal.paste', title: 'Paste into the terminal', group: 'Terminal', app: 'v', keyOnly: true },
  { id: 'terminal.larger', title: 'Larger text', group: 'Terminal', plain: ['+', '='], app: '=' },
  { id: 'terminal.smaller', title: 'Smaller text', group: 'Terminal', plain: ['-'], app: '-' },
  { id: 'app.palette', title: 'Search and commands', group: 'App', app: 'k', anywhere: true, keyOnly: true },
  { id: 'app.help', title: 'Keyboard shortcuts', group: 'App', plain: ['?'], app: '/' },
  { id: 'repo.add', title: 'Add a repository', group: 'App', app: 'o' },
  { id: 'app.settings', title: 'Settings', group: 'App', plain: [','], app: ',' },
  { id: 'app.workflow', title: 'Workflow: checks, reviewers, hooks of the repository', group: 'App' },
  { id: 'app.doctor', title: 'Doctor: is everything here that Quartet needs?', group: 'App' },
  { id: 'app.theme', title: 'Switch between dark and light', group: 'App' },
  { id: 'app.shutdown', title: 'Quit the core…', group: 'App' },
])

export type CommandId = (typeof LIST)[number]['id']

export interface Command extends CommandSpec {
  id: CommandId
}

export const COMMANDS: readonly Command[] = LIST
export const COMMAND_GROUPS: readonly CommandGroup[] = [
  'Task',
  'Verdict',
  'Attempt',
  'Look',
  'Diff',
  'Terminal',
  'App',
]

/** What a command does now. */
export interface CommandAction {
  run: () => void
  /** Why it cannot be given now, as one sentence; null when it can. */
  blocked?: () => string | null
}

export type CommandActions = Record<CommandId, CommandAction>
