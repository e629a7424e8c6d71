/**
 * Names that say by themselves that a file was made by a program. Only for files that the evidence does not speak of
 * (an attempt at work has none yet, and it lists a bounded number): what it says wins, it knows `.gitattributes`.
 */
const GENERATED =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|bun\.lockb?|go\.sum|[^/]*\.lock)$|(^|\/)(node_modules|vendor|dist)\/|\.(min\.(js|css)|map|snap)$/i

export const isGenerated = (path: string): boolean => GENERATED.test(path)
