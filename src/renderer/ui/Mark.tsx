/** Quartet's mark: four voices of one piece. */
export function Mark({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <rect width="24" height="24" rx="6" fill="var(--accent-strong)" />
      <g fill="var(--on-accent)">
        <rect x="4.4" y="9" width="2.7" height="10" rx="1.35" />
        <rect x="8.6" y="5" width="2.7" height="14" rx="1.35" />
        <rect x="12.8" y="11" width="2.7" height="8" rx="1.35" opacity="0.6" />
        <rect x="17" y="7" width="2.7" height="12" rx="1.35" opacity="0.82" />
      </g>
    </svg>
  )
}
