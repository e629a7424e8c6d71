import { Check, ChevronsUpDown } from 'lucide-react'
import { Select as Base } from 'radix-ui'

export interface Option {
  value: string
  label: string
  note?: string | undefined
  off?: boolean | undefined
}

interface SelectProps {
  label: string
  value: string
  options: readonly Option[]
  onChange: (value: string) => void
  placeholder?: string | undefined
  testId?: string | undefined
  width?: number | string | undefined
}

export function Select({ label, value, options, onChange, placeholder, testId, width }: SelectProps) {
  return (
    <Base.Root value={value} onValueChange={onChange}>
      <Base.Trigger className="select-trigger" aria-label={label} data-testid={testId} style={{ width }}>
        <Base.Value placeholder={placeholder ?? 'Choose…'} />
        <ChevronsUpDown size={13} />
      </Base.Trigger>
      <Base.Portal>
        <Base.Content className="menu" position="popper" sideOffset={4} collisionPadding={8}>
          <Base.Viewport>
            {options.map((option) => (
              <Base.Item
                key={option.value}
                value={option.value}
                disabled={option.off === true}
                className="menu-item"
              >
                <Base.ItemText>{option.label}</Base.ItemText>
                <span className="menu-item-note">{option.note}</span>
                <Base.ItemIndicator>
                  <Check size={13} />
                </Base.ItemIndicator>
              </Base.Item>
            ))}
          </Base.Viewport>
        </Base.Content>
      </Base.Portal>
    </Base.Root>
  )
}
