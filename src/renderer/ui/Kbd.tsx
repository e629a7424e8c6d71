/** One chord, as its keys: `Ctrl Shift K`. */
export function Kbd({ children }: { children: string }) {
  return <kbd className="kbd">{children}</kbd>
}

/** Several ways to give one command. */
export function Kbds({ chords }: { chords: readonly string[] }) {
  return (
    <span className="kbds">
      {chords.map((chord) => (
        <Kbd key={chord}>{chord}</Kbd>
      ))}
    </span>
  )
}
