import { useState } from 'react'

/** A number that is saved when it is left or Enter is pressed; out of its bounds it goes back. */
export function NumberSetting({
  label,
  value,
  min,
  max,
  unit,
  onSave,
}: {
  label: string
  value: number
  min: number
  max: number
  unit?: string
  onSave: (value: number) => void
}) {
  const [text, setText] = useState<string | null>(null)
  const commit = () => {
    const next = Number(text)
    if (text !== null && Number.isFinite(next) && next >= min && next <= max && next !== value) onSave(next)
    setText(null)
  }
  return (
    <span className="number">
      <input
        className="input num"
        type="number"
        aria-label={label}
        min={min}
        max={max}
        value={text ?? value}
        onChange={(event) => setText(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => {
          if (event.key === 'Enter') commit()
        }}
      />
      {unit ? <span className="field-hint">{unit}</span> : null}
    </span>
  )
}
