import { ExternalLink } from 'lucide-react'
import { Button } from '../ui/Button.tsx'
import { Dialog } from '../ui/Dialog.tsx'
import { plainLine } from '../ui/format.ts'
import { openLink } from '../ui/open-link.ts'
import { useTerminalUi } from './terminal-ui.ts'

/** Questions that a terminal raises; an agent's output can neither draw nor answer them. */
export function TerminalDialogs() {
  const link = useTerminalUi((state) => state.link)
  const paste = useTerminalUi((state) => state.paste)
  const closeLink = () => useTerminalUi.setState({ link: null })
  const answer = (yes: boolean) => {
    paste?.answer(yes)
    useTerminalUi.setState({ paste: null })
  }
  return (
    <>
      <Dialog
        open={link !== null}
        onClose={closeLink}
        title="This link leads elsewhere"
        foot={
          <>
            <span className="spacer" />
            <Button kind="ghost" onClick={closeLink}>
              Stay here
            </Button>
            <Button
              onClick={() => {
                if (link) openLink(link.target)
                closeLink()
              }}
            >
              <ExternalLink size={14} /> Open it all the same
            </Button>
          </>
        }
      >
        <p>
          It shows <span className="mono">{plainLine(link?.text ?? '', 200)}</span>, but leads to
        </p>
        <p className="mono" style={{ overflowWrap: 'anywhere' }}>
          {link?.target}
        </p>
      </Dialog>
      <Dialog
        open={paste !== null}
        onClose={() => answer(false)}
        title={`Paste ${paste?.lines ?? 0} lines?`}
        foot={
          <>
            <span className="spacer" />
            <Button kind="ghost" onClick={() => answer(false)}>
              Cancel
            </Button>
            <Button kind="primary" onClick={() => answer(true)}>
              Paste
            </Button>
          </>
        }
      >
        <p>The program in this terminal takes pasted lines as typed ones: each but the last runs at once.</p>
      </Dialog>
    </>
  )
}
