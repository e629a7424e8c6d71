import type { ButtonHTMLAttributes, ReactNode, Ref } from 'react'
import { Tooltip } from './Tooltip.tsx'

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'disabled' | 'title'> {
  /** Its name: read out, and shown as a tooltip. */
  label: string
  kbd?: string | undefined
  size?: 's' | 'm' | undefined
  off?: boolean | undefined
  ref?: Ref<HTMLButtonElement> | undefined
  children: ReactNode
}

export function IconButton({ label, kbd, size = 'm', off, onClick, children, ...rest }: IconButtonProps) {
  return (
    <Tooltip text={label} kbd={kbd}>
      <button
        type="button"
        {...rest}
        className={`icon-btn ${rest.className ?? ''}`}
        aria-label={label}
        data-size={size}
        aria-disabled={off || undefined}
        onClick={off ? undefined : onClick}
      >
        {children}
      </button>
    </Tooltip>
  )
}
