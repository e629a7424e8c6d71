import { create } from 'zustand'

/** The few things of terminals that React draws. */
interface TerminalUi {
  hover: { terminalId: string; target: string } | null
  searching: string | null
  /** A link that shows another host than it leads to waits for a yes. */
  link: { target: string; text: string } | null
  /** A paste of several lines into a program that would run them one by one waits for a yes. */
  paste: { lines: number; answer: (yes: boolean) => void } | null
}

export const useTerminalUi = create<TerminalUi>(() => ({
  hover: null,
  searching: null,
  link: null,
  paste: null,
}))
