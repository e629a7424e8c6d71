import { basename, dirname } from 'node:path/posix'
import { isGeneratedPath } from '../../../../shared/domain/generated-files.ts'
import type { FileKind } from '../../../../shared/domain/review.ts'

const TESTS =
  /(^|\/)(tests?|__tests__|__mocks__|spec|specs|e2e|testdata|fixtures)\/|[._-](test|tests|spec|specs|e2e)\.[^/]+$|(^|\/)(test_[^/]+\.py|conftest\.py)$|_test\.(go|py|rb|dart|exs?)$|(Test|Tests|IT|Spec)\.(java|kt|cs|swift|scala)$/
const DOCS =
  /\.(md|mdx|rst|adoc|txt)$|(^|\/)docs?\/|(^|\/)(LICENSE|LICENCE|NOTICE|AUTHORS|CHANGELOG|CONTRIBUTING|README)[^/]*$/i

/** What `.gitattributes` files say of paths, read as data: `linguist-generated` and `linguist-documentation`. */
export interface Attributes {
  kindOf(path: string): FileKind | null
}

export const NO_ATTRIBUTES: Attributes = { kindOf: () => null }

/** What a file is for, by its path and the repository's own attributes. */
export function kindOf(path: string, attributes: Attributes = NO_ATTRIBUTES): FileKind {
  const said = attributes.kindOf(path)
  if (said) return said
  if (isGeneratedPath(path)) return 'generated'
  if (TESTS.test(path)) return 'tests'
  return DOCS.test(path) ? 'docs' : 'source'
}

/** The folders whose `.gitattributes` have a say on `paths`, the root (`''`) first, at most `limit`. */
export function attributeFolders(paths: readonly string[], limit: number): string[] {
  const folders = new Set([''])
  for (const path of paths) {
    for (let folder = dirname(path); folder !== '.' && folder !== '/'; folder = dirname(folder))
      folders.add(folder)
  }
  return [...folders]
    .sort((a, b) => a.split('/').length - b.split('/').length || a.localeCompare(b))
    .slice(0, limit)
}

interface Rule {
  matches: (path: string) => boolean
  generated: boolean | null
  documentation: boolean | null
}

/** Reads `.gitattributes` texts by folder. A later line wins over an earlier one, a deeper folder over the ones above it. */
export function readAttributes(files: readonly { folder: string; text: string }[]): Attributes {
  const rules = [...files]
    .sort((a, b) => a.folder.length - b.folder.length)
    .flatMap(({ folder, text }) =>
      text.split(/\r?\n/).flatMap((line) => {
        const rule = ruleOf(folder, line.trim())
        return rule ? [rule] : []
      }),
    )
  return {
    kindOf(path) {
      let generated: boolean | null = null
      let documentation: boolean | null = null
      for (const rule of rules) {
        if (!rule.matches(path)) continue
        generated = rule.generated ?? generated
        documentation = rule.documentation ?? documentation
      }
      if (generated) return 'generated'
      if (documentation) return 'docs'
      // Said not to be generated: the path alone must not say otherwise.
      return generated === false ? (TESTS.test(path) ? 'tests' : 'source') : null
    },
  }
}

function ruleOf(folder: string, line: string): Rule | null {
  if (line === '' || line.startsWith('#') || line.startsWith('[')) return null
  const parts = /^("(?:[^"\\]|\\.)*"|\S+)\s+(.*)$/.exec(line)
  if (!parts?.[1] || !parts[2]) return null
  const words = parts[2].split(/\s+/)
  const settingOf = (name: string): boolean | null => {
    let value: boolean | null = null
    for (const word of words) {
      if (word === name || word === `${name}=true` || word === `${name}=1`) value = true
      if (word === `-${name}` || word === `${name}=false` || word === `${name}=0`) value = false
    }
    return value
  }
  const generated = settingOf('linguist-generated')
  const documentation = settingOf('linguist-documentation')
  if (generated === null && documentation === null) return null
  return { matches: matcher(folder, parts[1].replace(/^"(.*)"$/, '$1')), generated, documentation }
}

/** A pattern of `.gitattributes`: without a slash it is about the name, with one about the path below its folder. */
function matcher(folder: string, pattern: string): (path: string) => boolean {
  const anchored = pattern.replace(/\/$/, '').includes('/')
  const shape = shapeOf(pattern.replace(/^\//, ''))
  return (path) => {
    if (folder !== '' && !path.startsWith(`${folder}/`)) return false
    const below = folder === '' ? path : path.slice(folder.length + 1)
    return shape.test(anchored ? below : basename(below))
  }
}

function shapeOf(pattern: string): RegExp {
  let out = ''
  for (let at = 0; at < pattern.length; at++) {
    if (pattern.startsWith('**/', at)) {
      out += '(?:.*/)?'
      at += 2
    } else if (pattern.startsWith('**', at)) {
      out += '.*'
      at++
    } else if (pattern[at] === '*') out += '[^/]*'
    else if (pattern[at] === '?') out += '[^/]'
    else out += (pattern[at] ?? '').replace(/[.+^${}()|[\]\\]/g, '\\$&')
  }
  return new RegExp(`^${out}$`)
}
