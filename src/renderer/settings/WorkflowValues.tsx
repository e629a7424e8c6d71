import type { EffectiveSetting } from '../../shared/domain/workflow.ts'
import { valueText, type WorkflowPage } from './workflow-text.ts'

const SOURCE: Record<EffectiveSetting['source'], string> = {
  workflow: 'WORKFLOW.md',
  settings: 'your settings',
  default: 'default',
}

/** Every setting as it is in force, and who said so. */
export function WorkflowValues({ page }: { page: WorkflowPage }) {
  return (
    <table className="workflow-values">
      <thead>
        <tr>
          <th scope="col">Setting</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {page.settings.map((setting) => (
          <tr key={setting.key} data-source={setting.source}>
            <th scope="row" title={setting.about}>
              <code>{setting.key}</code>
              <span className="rail-quiet">{setting.about}</span>
            </th>
            <td>
              <pre>{valueText(setting.value)}</pre>
            </td>
            <td className="workflow-source num">
              {SOURCE[setting.source]}
              {setting.line === null ? '' : `:${setting.line}`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
