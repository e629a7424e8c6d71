import { Bot, Braces, Drama, SquareTerminal } from 'lucide-react'

/** Tells agents apart at a glance; the name stands beside it. */
export function AgentIcon({ agent, size = 14 }: { agent: string; size?: number }) {
  const Icon =
    agent === 'shell' ? SquareTerminal : agent === 'rehearsal' ? Drama : agent === 'codex' ? Braces : Bot
  return <Icon size={size} className="agent-icon" aria-hidden="true" />
}
