/** Linux takes no argument over 128 KiB; Windows no command line over 32,767 characters. */
const MAX_ARGUMENT_BYTES = process.platform === 'win32' ? 16_000 : 100_000

/**
 * What to put into argv for a first prompt: the prompt itself, or, for one that is too long, a line that has the agent read
 * it from `promptFile`.
 */
export function promptArgument(
  prompt: string,
  promptFile: string,
): { text: string; delivery: 'argv' | 'file' } {
  // NUL ends an argument: spawn refuses it.
  const clean = prompt.replaceAll('\0', '')
  if (Buffer.byteLength(clean) <= MAX_ARGUMENT_BYTES) return { text: clean, delivery: 'argv' }
  return {
    text: `Your task is in the file ${promptFile} because it is long. Read that file completely, then do what it says.`,
    delivery: 'file',
  }
}
