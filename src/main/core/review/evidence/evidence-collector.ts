import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attempt } from '../../../../shared/domain/attempt.ts'
import { Failure, isFailure, messageOf } from '../../../../shared/domain/failure.ts'
import type { Repository } from '../../../../shared/domain/repository.ts'
import { type Evidence, type FileKind, MAX_EVIDENCE_FILES } from '../../../../shared/domain/review.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { mintId } from '../../../kernel/ids.ts'
import type { Logger } from '../../../kernel/logger.ts'
import type { Ledger } from '../../db/ledger.ts'
import type { FileStat } from '../../git/diff.ts'
import type { Git } from '../../git/git.ts'
import { dependencyChanges, isLock, isManifest, lockChanges } from './dependencies.ts'
import { type Attributes, attributeFolders, kindOf, NO_ATTRIBUTES, readAttributes } from './file-kinds.ts'
import { readPatch } from './patch-lines.ts'
import { keepScreenshots } from './screenshots.ts'
import { findSecrets } from './secrets.ts'
import { countTestCases } from './test-cases.ts'
import { UsualArea } from './usual-area.ts'

export interface EvidenceCollectorDeps {
  ledger: Ledger
  git: Git
  clock: Clock
  log: Logger
  /** `<dataDir>/evidence`. */
  dir: string
}

/** Beyond this a diff is not read line by line. */
const MAX_PATCH_BYTES = 8 * 1024 * 1024
const MAX_MANIFEST_BYTES = 8 * 1024 * 1024
const MAX_MANIFESTS = 50
const MAX_ATTRIBUTE_FILES = 30
const MAX_UNUSUAL = 50
const MAX_CLAIM_CHARS = 2_000

type Parts = Omit<Evidence, 'id' | 'rev' | 'createdAt' | 'attemptId' | 'headSha' | 'baseSha'>

/** Gathers what an attempt can show at one head. What cannot be read is a gap that is said, never a failure of the attempt. */
export class EvidenceCollector {
  readonly #deps: EvidenceCollectorDeps
  readonly #area: UsualArea

  constructor(deps: EvidenceCollectorDeps) {
    this.#deps = deps
    this.#area = new UsualArea(deps.git)
  }

  /** Looks at what `headSha` changes against the attempt's base, and writes the row. */
  async collect(
    attempt: Pick<Attempt, 'id' | 'repoId' | 'baseSha'>,
    headSha: string,
    committedBy: Evidence['committedBy'],
    signal: AbortSignal,
  ): Promise<Evidence> {
    const repository = this.#deps.ledger.require('repositories', attempt.repoId)
    const parts = emptyParts(committedBy, this.#claimOf(attempt.id))
    // As it is now: what is given may be older than the commit that is looked at.
    if (this.#deps.ledger.require('attempts', attempt.id).diffstat?.uncommitted)
      parts.gaps.push('Work that is not committed: only commits were looked at.')
    if (headSha !== attempt.baseSha) await this.#look(repository, attempt.baseSha, headSha, parts, signal)
    // They were read beside each other: the order must not depend on the disk.
    parts.dependencies.sort((a, b) => a.manifest.localeCompare(b.manifest) || a.name.localeCompare(b.name))
    parts.locks.sort((a, b) => a.file.localeCompare(b.file))
    return this.#write(attempt, headSha, parts)
  }

  /** Copies the pictures that the checks left, and adds them to the row. */
  async addScreenshots(
    evidence: Pick<Evidence, 'id' | 'attemptId' | 'headSha'>,
    worktree: string,
    patterns: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    if (patterns.length === 0) return
    const { ledger } = this.#deps
    try {
      const screenshots = await keepScreenshots(worktree, patterns, this.#folder(evidence), signal)
      if (screenshots.length > 0) ledger.commit((tx) => tx.patch('evidence', evidence.id, { screenshots }))
    } catch (error) {
      this.#deps.log.warn('screenshots could not be kept', { attemptId: evidence.attemptId, error })
      const gap = `Screenshots could not be kept: ${messageOf(error)}`
      ledger.commit((tx) =>
        tx.patch('evidence', evidence.id, { gaps: [...tx.require('evidence', evidence.id).gaps, gap] }),
      )
    }
  }

  /** One kept picture. Throws `not_found`. */
  async picture(evidenceId: string, name: string): Promise<{ mime: string; base64: string }> {
    const evidence = this.#deps.ledger.require('evidence', evidenceId)
    const known = evidence.screenshots.find((screenshot) => screenshot.name === name)
    if (!known) throw new Failure('not_found', `There is no picture “${name}”.`, { evidenceId })
    try {
      const bytes = await readFile(join(this.#folder(evidence), known.name))
      return { mime: known.mime, base64: bytes.toString('base64') }
    } catch (error) {
      throw new Failure('not_found', `The picture is gone: ${messageOf(error)}`, { evidenceId, name })
    }
  }

  async #look(
    repository: Repository,
    baseSha: string,
    headSha: string,
    parts: Parts,
    signal: AbortSignal,
  ): Promise<void> {
    const { git } = this.#deps
    const repo = repository.path
    /** One part of the evidence: if it cannot be had, that is said and the others go on. */
    const part = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        if (signal.aborted) throw error
        if (!isFailure(error)) this.#deps.log.error('evidence is incomplete', { what, error })
        parts.gaps.push(`${what} could not be read: ${messageOf(error)}`)
      }
    }
    let files: FileStat[] = []
    await part('The changed files', async () => {
      const stat = await git.diffStatBetween({ repo, from: baseSha, to: headSha, maxFiles: 20_000, signal })
      files = stat.perFile
      if (stat.truncated) parts.gaps.push('There are more changed files than are listed.')
      let attributes: Attributes = NO_ATTRIBUTES
      await part('.gitattributes', async () => {
        attributes = await this.#attributes(repo, baseSha, files, signal)
      })
      addFiles(parts, files, attributes)
    })
    const paths = files.map((file) => file.path)
    await Promise.all([
      part('The diff', async () => {
        const { patch, truncated } = await git.diffPatch({
          repo,
          from: baseSha,
          to: headSha,
          maxBytes: MAX_PATCH_BYTES,
          signal,
        })
        if (truncated)
          parts.gaps.push(
            'The diff is larger than 8 MiB: tests and secrets were looked for in its beginning.',
          )
        const read = readPatch(patch)
        parts.tests = countTestCases(read)
        const { found, skipped } = await findSecrets(read, signal)
        parts.secrets = found
        if (skipped.length > 0)
          parts.gaps.push(`Not searched for secrets in full, too long: ${skipped.slice(0, 5).join(', ')}.`)
      }),
      part('The usual area', async () => {
        const unusual = await this.#area.unusual(repo, baseSha, paths)
        parts.unusual = unusual.slice(0, MAX_UNUSUAL)
      }),
      ...files
        .filter((file) => isManifest(file.path) || isLock(file.path))
        .slice(0, MAX_MANIFESTS)
        .map((file) =>
          part(file.path, async () => {
            const read = (sha: string, path: string) => this.#textAt(repo, sha, path, signal)
            const before = file.status === 'A' ? null : await read(baseSha, file.oldPath ?? file.path)
            const after = file.status === 'D' ? null : await read(headSha, file.path)
            if (isLock(file.path)) parts.locks.push(lockChanges(file.path, before, after))
            else parts.dependencies.push(...dependencyChanges(file.path, before, after))
          }),
        ),
    ])
  }

  /** Of the base: a change must not be able to call its own files generated. */
  async #attributes(
    repo: string,
    baseSha: string,
    files: readonly FileStat[],
    signal: AbortSignal,
  ): Promise<Attributes> {
    const folders = attributeFolders(
      files.map((file) => file.path),
      MAX_ATTRIBUTE_FILES,
    )
    const texts = await Promise.all(
      folders.map(async (folder) => ({
        folder,
        text: await this.#textAt(
          repo,
          baseSha,
          folder === '' ? '.gitattributes' : `${folder}/.gitattributes`,
          signal,
        ),
      })),
    )
    return readAttributes(texts.flatMap(({ folder, text }) => (text === null ? [] : [{ folder, text }])))
  }

  /** A file of a commit as text; null when it has none of that name. */
  async #textAt(repo: string, sha: string, path: string, signal: AbortSignal): Promise<string | null> {
    try {
      const { content, truncated } = await this.#deps.git.readFileAt({
        repo,
        sha,
        path,
        maxBytes: MAX_MANIFEST_BYTES,
        signal,
      })
      if (truncated) throw new Failure('limit', 'it is larger than 8 MiB.')
      return content.toString('utf8')
    } catch (error) {
      if (isFailure(error, 'not_found')) return null
      throw error
    }
  }

  #claimOf(attemptId: string): string | null {
    const fact = this.#deps.ledger.facts({ attemptId, kind: 'attempt.claimed', limit: 1 })[0]
    return typeof fact?.body.text === 'string' ? fact.body.text.slice(0, MAX_CLAIM_CHARS) : null
  }

  #write(attempt: Pick<Attempt, 'id' | 'baseSha'>, headSha: string, parts: Parts): Evidence {
    const { ledger, clock } = this.#deps
    return ledger.commit((tx) => {
      const old = ledger.select('evidence', 'attemptId = ? AND headSha = ?', attempt.id, headSha)[0]
      return tx.put('evidence', {
        ...parts,
        // Asked again for the same head: what the app once committed it did commit.
        committedBy: old?.committedBy === 'quartet' ? 'quartet' : parts.committedBy,
        screenshots: old?.screenshots ?? [],
        id: old?.id ?? mintId('ev', clock.now()),
        attemptId: attempt.id,
        headSha,
        baseSha: attempt.baseSha,
        createdAt: clock.now(),
      })
    })
  }

  #folder(evidence: Pick<Evidence, 'attemptId' | 'headSha'>): string {
    return join(this.#deps.dir, evidence.attemptId, evidence.headSha.slice(0, 12))
  }
}

function emptyParts(committedBy: Evidence['committedBy'], claim: string | null): Parts {
  const none = () => ({ files: 0, added: 0, removed: 0 })
  return {
    kinds: { source: none(), tests: none(), docs: none(), generated: none() },
    files: [],
    tests: { added: 0, removed: 0 },
    dependencies: [],
    locks: [],
    unusual: [],
    secrets: [],
    claim,
    screenshots: [],
    committedBy,
    gaps: [],
  }
}

function addFiles(parts: Parts, files: readonly FileStat[], attributes: Attributes): void {
  for (const file of files) {
    const kind: FileKind = kindOf(file.path, attributes)
    const sum = parts.kinds[kind]
    sum.files++
    sum.added += file.added ?? 0
    sum.removed += file.removed ?? 0
    if (parts.files.length < MAX_EVIDENCE_FILES)
      parts.files.push({
        path: file.path,
        kind,
        status: file.status,
        added: file.added,
        removed: file.removed,
      })
  }
}
