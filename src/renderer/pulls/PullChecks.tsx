import { CircleAlert, CircleCheck, CircleDashed, CircleX, LoaderCircle, type LucideIcon } from 'lucide-react'
import type { PullCheck } from '../../shared/domain/pull.ts'
import type { Tone } from '../ui/Badge.tsx'
import { Stopwatch } from '../ui/Elapsed.tsx'
import { plainLine, plural, took } from '../ui/format.ts'
import { openLink, safeLink } from '../ui/open-link.ts'
import { Progress } from '../ui/Progress.tsx'
import { checkLook } from './pull-look.ts'

const ICON: Record<Tone, LucideIcon> = {
  ok: CircleCheck,
  bad: CircleX,
  warn: CircleAlert,
  run: LoaderCircle,
  quiet: CircleDashed,
  accent: CircleDashed,
}

/** The forge's checks of the head: how far they are, how long each took, and why a red one is red. */
export function PullChecks({ checks }: { checks: readonly PullCheck[] }) {
  if (checks.length === 0) return null
  const done = checks.filter((check) => check.status === 'completed').length
  const red = checks.filter((check) => checkLook(check).tone === 'bad').length
  return (
    <div className="pull-checks">
      <p className="rail-quiet num">
        {done} of {plural(checks.length, 'check')} done{red > 0 ? `, ${red} red` : ''}
      </p>
      {done < checks.length ? <Progress value={done / checks.length} label="Checks of the forge" /> : null}
      <ul className="checks">
        {checks.map((check) => (
          <CheckLine key={check.id} check={check} />
        ))}
      </ul>
    </div>
  )
}

function CheckLine({ check }: { check: PullCheck }) {
  const look = checkLook(check)
  const Icon = ICON[look.tone]
  const link = check.url === null ? null : safeLink(check.url)
  const name = plainLine(check.name, 120)
  return (
    <li className="check" data-status={look.tone === 'bad' ? 'failed' : check.status}>
      <div className="check-line">
        <Icon
          size={14}
          className="status-icon"
          data-tone={look.tone}
          data-spin={look.tone === 'run'}
          role="img"
          aria-label={look.text}
        />
        {link ? (
          <a
            className="check-name truncate"
            href={link.href}
            title={link.href}
            rel="noreferrer noopener"
            onClick={(event) => {
              event.preventDefault()
              openLink(link.href)
            }}
          >
            {name}
          </a>
        ) : (
          <span className="check-name truncate" title={name}>
            {name}
          </span>
        )}
        {check.required ? null : <span className="rail-quiet">optional</span>}
        {check.retried ? (
          <span className="rail-quiet" title="It looked like a flake and was run once more">
            again
          </span>
        ) : null}
        <span className="spacer" />
        <span className="num rail-quiet">
          {check.startedAt !== null && check.completedAt !== null ? (
            took(check.completedAt - check.startedAt)
          ) : check.startedAt !== null && check.status === 'running' ? (
            <Stopwatch since={check.startedAt} />
          ) : (
            look.text
          )}
        </span>
      </div>
      {check.excerpt && look.tone === 'bad' ? (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled text must be reachable with the keyboard
        <pre className="check-summary pull-excerpt" tabIndex={0}>
          {check.excerpt}
        </pre>
      ) : null}
    </li>
  )
}
