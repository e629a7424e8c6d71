/**
 * Where a host keeps secrets: the operating system's keychain. A host that has none, or whose keychain would store in plain
 * text, is not `available` and then neither read nor written.
 */
export interface SecretStore {
  available(): Promise<boolean>
  /** Null when nothing is kept under that name. Throws when the keychain refuses. */
  read(name: string): Promise<string | null>
  /** Null forgets it. */
  write(name: string, value: string | null): Promise<void>
}
