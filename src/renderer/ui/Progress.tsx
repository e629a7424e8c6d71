/** `value` from 0 to 1; null while nobody knows. */
export function Progress({ value, label }: { value: number | null; label: string }) {
  const percent = value === null ? undefined : Math.round(Math.min(1, Math.max(0, value)) * 100)
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      data-unknown={value === null}
    >
      <div className="progress-bar" style={percent === undefined ? undefined : { width: `${percent}%` }} />
    </div>
  )
}
