import { ShieldCheck, ShieldQuestion } from 'lucide-react'
import { useCallback, useEffect, useState } from 'react'
import { callOrToast, outcomeOf, useApp } from '../connection/app-context.ts'
import { useEntities } from '../state/entities.ts'
import { Button } from '../ui/Button.tsx'

interface Commands {
  hash: string | null
  trusted: boolean
  commands: { key: string; run: string }[]
  problem: string | null
}

/** The commands that a repository brings along: they run only after a yes to exactly these. */
export function TrustConsent({ repoId, trustedHash }: { repoId: string; trustedHash: string | null }) {
  const { core } = useApp()
  const [found, setFound] = useState<Commands | null>(null)
  // Either changes what is asked for here: consent that was given elsewhere, and another content of the file.
  const version = useEntities((state) => `${trustedHash ?? ''}:${state.workflows[repoId]?.rev ?? 0}`)
  const load = useCallback(
    async (_version: string) => {
      const outcome = await outcomeOf(() => core().repositories.commands({ id: repoId }))
      if (outcome.ok) setFound(outcome.value)
    },
    [core, repoId],
  )
  useEffect(() => {
    void load(version)
  }, [load, version])
  if (!found) return null
  if (found.problem) return <p className="agent-problem">{found.problem}</p>
  if (found.commands.length === 0) return null
  const trust = async () => {
    // To what was read, not to what the file holds by now.
    const { hash } = found
    await callOrToast(() => core().repositories.trust({ id: repoId, ...(hash === null ? {} : { hash }) }))
    await load(version)
  }
  return (
    <div className="trust" data-trusted={found.trusted} data-testid="trust">
      <p className="trust-title">
        {found.trusted ? (
          <ShieldCheck size={14} className="status-icon" data-tone="ok" aria-hidden="true" />
        ) : (
          <ShieldQuestion size={14} className="status-icon" data-tone="warn" aria-hidden="true" />
        )}
        {found.trusted
          ? 'You consented to the commands of its WORKFLOW.md.'
          : 'Its WORKFLOW.md wants to run these commands on your machine:'}
      </p>
      {found.trusted ? null : (
        <>
          <ul className="trust-list">
            {found.commands.map((command) => (
              <li key={command.key}>
                <span className="rail-quiet">{command.key}</span>
                <code>{command.run}</code>
              </li>
            ))}
          </ul>
          <Button size="s" kind="primary" data-testid="trust-yes" onClick={() => void trust()}>
            Allow exactly these
          </Button>
          <p className="field-hint">A changed file asks again. Without consent, attempts run without them.</p>
        </>
      )}
    </div>
  )
}
