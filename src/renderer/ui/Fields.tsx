import { Switch as BaseSwitch } from 'radix-ui'
import { type InputHTMLAttributes, type ReactNode, type Ref, type TextareaHTMLAttributes, useId } from 'react'

interface FieldProps {
  label: string
  hint?: ReactNode
  error?: string | null | undefined
  /** The label is read out, but not drawn. */
  quiet?: boolean | undefined
}

type TextFieldProps = FieldProps & InputHTMLAttributes<HTMLInputElement> & { ref?: Ref<HTMLInputElement> }

export function TextField({ label, hint, error, quiet, ...input }: TextFieldProps) {
  const id = useId()
  return (
    <div className="field">
      <label className={quiet ? 'sr-only' : 'field-label'} htmlFor={id}>
        {label}
      </label>
      <input
        type="text"
        autoComplete="off"
        spellCheck={false}
        {...input}
        id={id}
        className={`input ${input.className ?? ''}`}
        aria-invalid={error ? true : undefined}
      />
      <FieldNote hint={hint} error={error} />
    </div>
  )
}

type TextAreaFieldProps = FieldProps &
  TextareaHTMLAttributes<HTMLTextAreaElement> & { ref?: Ref<HTMLTextAreaElement> }

export function TextAreaField({ label, hint, error, quiet, ...input }: TextAreaFieldProps) {
  const id = useId()
  return (
    <div className="field">
      <label className={quiet ? 'sr-only' : 'field-label'} htmlFor={id}>
        {label}
      </label>
      <textarea {...input} id={id} className={`input ${input.className ?? ''}`} />
      <FieldNote hint={hint} error={error} />
    </div>
  )
}

function FieldNote({ hint, error }: { hint?: ReactNode; error?: string | null | undefined }) {
  if (error)
    return (
      <p className="field-error" role="alert">
        {error}
      </p>
    )
  return hint ? <p className="field-hint">{hint}</p> : null
}

export function Switch({
  label,
  checked,
  onChange,
}: {
  label: string
  checked: boolean
  onChange: (checked: boolean) => void
}) {
  return (
    <BaseSwitch.Root className="switch" aria-label={label} checked={checked} onCheckedChange={onChange}>
      <BaseSwitch.Thumb className="switch-thumb" />
    </BaseSwitch.Root>
  )
}
