import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { Kbd } from './Kbd.tsx'
import { Tooltip } from './Tooltip.tsx'

export interface ButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'disabled'> {
  kind?: 'plain' | 'primary' | 'ghost' | 'ok' | 'danger' | undefined
  size?: 's' | 'm' | 'l' | undefined
  /** Why it cannot be pressed now; the button stays reachable and says so, instead of going dumb. */
  blocked?: string | null | undefined
  busy?: boolean | undefined
  /** Key shown inside; already formatted. */
  kbd?: string | undefined
  ref?: Ref<HTMLButtonElement> | undefined
  children?: ReactNode
}

export function Button({
  kind = 'plain',
  size = 'm',
  blocked,
  busy,
  kbd,
  onClick,
  children,
  ...rest
}: ButtonProps) {
  const off = Boolean(blocked) || busy === true
  const button = (
    <button
      type="button"
      {...rest}
      className={`btn ${rest.className ?? ''}`}
      data-kind={kind}
      data-size={size}
      data-busy={busy}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      onClick={off ? (event) => event.preventDefault() : onClick}
    >
      {children}
      {kbd ? <Kbd>{kbd}</Kbd> : null}
    </button>
  )
  return blocked ? <Tooltip text={blocked}>{button}</Tooltip> : button
}
