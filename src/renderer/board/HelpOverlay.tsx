import { showOverlay } from '../state/ui.ts'
import { COMMAND_GROUPS, COMMANDS, type Command } from '../ui/commands.ts'
import { Dialog } from '../ui/Dialog.tsx'
import { Kbds } from '../ui/Kbd.tsx'
import { chordsOf } from '../ui/keymap.ts'
import { onMac } from '../ui/platform.ts'

/** Eight keys for eight tiles read better as one line. */
const isTile = (command: Command) => /^tile\.[1-9]$/.test(command.id)

/** All keys, from the same list that the keyboard uses. */
export function HelpOverlay() {
  return (
    <Dialog open onClose={() => showOverlay(null)} title="Keyboard" width={1180} testId="help">
      <p className="field-hint">
        Single letters work while no terminal and no field has the keyboard. The longer chords work
        everywhere; none of them is a key that a terminal needs.
      </p>
      <div className="help-grid">
        {COMMAND_GROUPS.map((group) => {
          const commands = COMMANDS.filter(
            (command) =>
              command.group === group && !isTile(command) && chordsOf(command.id, onMac).length > 0,
          )
          return (
            <section key={group} className="help-group">
              <h3>{group}</h3>
              {group === 'Look' ? (
                <div className="help-row">
                  <span>Focus an attempt (9: the last)</span>
                  <Kbds chords={['1', '…', '9', onMac ? '⌘1…9' : 'Ctrl Shift 1…9']} />
                </div>
              ) : null}
              {commands.map((command) => (
                <div key={command.id} className="help-row">
                  <span>{command.title}</span>
                  <Kbds chords={chordsOf(command.id, onMac)} />
                </div>
              ))}
            </section>
          )
        })}
      </div>
    </Dialog>
  )
}
