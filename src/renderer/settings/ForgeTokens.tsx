import { KeyRound } from 'lucide-react'
import { type ReactNode, useCallback, useEffect, useState } from 'react'
import type { TokenPlaces } from '../../shared/contract/landing.ts'
import { callOrToast, outcomeOf, useApp } from '../connection/app-context.ts'
import { toast } from '../state/toasts.ts'
import { Button } from '../ui/Button.tsx'
import { Skeleton } from '../ui/Skeleton.tsx'
import './forge-tokens.css'

type Place = TokenPlaces['hosts'][number]

/** Where Quartet gets the token of each forge from. A token can be put in and thrown away here, never read. */
export function ForgeTokens() {
  const { core } = useApp()
  const [places, setPlaces] = useState<TokenPlaces | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const look = useCallback(async () => {
    const outcome = await outcomeOf(() => core().pulls.tokens())
    setPlaces(outcome.ok ? outcome.value : null)
    setProblem(outcome.ok ? null : outcome.message)
  }, [core])
  useEffect(() => void look(), [look])
  return (
    <section aria-labelledby="forge-tokens" data-testid="forge-tokens">
      <h2 id="forge-tokens">GitHub token</h2>
      <p className="tokens-about">
        {places && !places.keychain ? (
          <>
            This host has no keychain and keeps no token. Quartet asks <code>gh auth token</code>, then looks
            into the environment that it was started with.
          </>
        ) : (
          'Pull requests are opened and merged with it. It is kept in the keychain of this computer, is never shown again, and no agent gets it.'
        )}
      </p>
      {problem ? <p className="agent-problem">{problem}</p> : null}
      {places ? (
        <ul className="agents">
          {places.hosts.map((place) => (
            <TokenRow key={place.host} place={place} canSave={places.keychain} onChanged={look} />
          ))}
        </ul>
      ) : problem ? null : (
        <Skeleton height={50} />
      )}
    </section>
  )
}

function sourceText(place: Place): ReactNode {
  switch (place.source) {
    case 'keychain':
      return place.tail ? `stored, ends in …${place.tail}` : 'stored'
    case 'gh':
      return (
        <>
          from <code>gh auth token</code>
        </>
      )
    case 'environment':
      return 'from the environment that Quartet was started with'
    case null:
      return 'no token found'
  }
}

/** What the engineer types on a host without a keychain. */
const variableOf = (host: string): string =>
  host === 'github.com' || host.endsWith('.ghe.com') ? 'GITHUB_TOKEN' : 'GH_ENTERPRISE_TOKEN'

function TokenRow({
  place,
  canSave,
  onChanged,
}: {
  place: Place
  canSave: boolean
  onChanged: () => Promise<void>
}) {
  const { core } = useApp()
  const [text, setText] = useState('')
  const [busy, setBusy] = useState(false)
  const save = async (token: string | null) => {
    setBusy(true)
    const done = await callOrToast(() => core().pulls.saveToken({ host: place.host, token }))
    if (done) {
      setText('')
      toast('ok', token === null ? `The token of ${place.host} is forgotten.` : `Stored for ${place.host}.`)
      await onChanged()
    }
    setBusy(false)
  }
  const stored = place.source === 'keychain'
  return (
    <li className="agent token-row" data-testid="token-row" data-source={place.source ?? 'none'}>
      <KeyRound
        size={15}
        className="status-icon"
        data-tone={place.source ? 'ok' : 'quiet'}
        aria-hidden="true"
      />
      <div className="agent-text">
        <p>
          <strong>{place.host}</strong>
        </p>
        <p className="rail-quiet">
          {sourceText(place)}
          {!canSave && place.source === null ? (
            <>
              . Run <code>gh auth login --hostname {place.host}</code>, or start Quartet with{' '}
              <code>{variableOf(place.host)}</code>.
            </>
          ) : null}
        </p>
      </div>
      {!canSave ? null : stored ? (
        <Button busy={busy} onClick={() => void save(null)}>
          Delete
        </Button>
      ) : (
        <form
          className="token-form"
          onSubmit={(event) => {
            event.preventDefault()
            if (!busy && text.trim().length >= 8) void save(text.trim())
          }}
        >
          <input
            className="input"
            type="password"
            autoComplete="off"
            spellCheck={false}
            aria-label={`GitHub token of ${place.host}`}
            placeholder="Paste a token"
            maxLength={1_000}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
          <Button type="submit" busy={busy} blocked={text.trim().length < 8 ? 'Paste a token first.' : null}>
            Store
          </Button>
        </form>
      )}
    </li>
  )
}
