import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { put, sh, tempDir } from './fixtures.ts'

// A repository that plants a program wherever git would run one; each leaves a file with its name when it fires.

const HOOKS = [
  'applypatch-msg',
  'pre-applypatch',
  'post-applypatch',
  'pre-commit',
  'pre-merge-commit',
  'prepare-commit-msg',
  'commit-msg',
  'post-commit',
  'pre-rebase',
  'post-checkout',
  'post-merge',
  'pre-push',
  'pre-receive',
  'update',
  'proc-receive',
  'post-receive',
  'post-update',
  'reference-transaction',
  'push-to-checkout',
  'pre-auto-gc',
  'post-rewrite',
  'sendemail-validate',
  'fsmonitor-watchman',
  'post-index-change',
]

/** Driver names that also try to confuse whoever matches keys. */
export const FILTERS = [
  'evil',
  'proc',
  'lfs',
  'alias',
  'core.editor',
  'a.b c',
  'Mixed',
  'included',
  'perworktree',
]

/** The repository, its submodule, and what has fired so far. */
export function hostile() {
  const dir = tempDir()
  const fired = join(dir, 'fired')
  const bin = join(dir, 'bin')
  for (const folder of [fired, bin, join(dir, 'worktrees'), join(dir, 'template/hooks')])
    mkdirSync(folder, { recursive: true })
  const canary = (name: string): string => {
    const path = join(bin, name.replace(/[^a-zA-Z0-9]/g, '_'))
    writeFileSync(path, `#!/bin/sh\n: > '${fired}/${name}'\ncat >/dev/null 2>&1 </dev/null\nexit 1\n`)
    chmodSync(path, 0o755)
    return `'${path}'`
  }
  // Started without a shell.
  const bare = (quoted: string) => quoted.slice(1, -1)
  const repo = join(dir, 'hostile repo')
  mkdirSync(repo)
  sh(repo, 'init', '-q', '-b', 'main')
  put(repo, {
    '.gitattributes': `*.txt filter=evil\n*.dat filter=proc\n*.bin filter=lfs\n*.al filter=alias\n*.ed filter=core.editor\n*.inc filter=included\n*.wt filter=perworktree\n*.mi filter=Mixed\n*.md diff=evil\n*.mrg merge=evil\n`,
    'a.txt': 'one\n',
    'a.dat': 'one\n',
    'a.bin': 'one\n',
    'a.al': 'one\n',
    'a.ed': 'one\n',
    'a.inc': 'one\n',
    'a.wt': 'one\n',
    'a.mi': 'one\n',
    'a.md': '# one\n',
    'a.mrg': 'one\n',
    'run.sh': '#!/bin/sh\n',
    '.gitmodules': '[submodule "sub"]\n\tpath = sub\n\turl = ext::sh -c canary\n\tupdate = checkout\n',
  })
  // A submodule whose own configuration is hostile.
  const sub = join(dir, 'sub')
  mkdirSync(sub)
  sh(sub, 'init', '-q', '-b', 'main')
  put(sub, { 's.txt': 's\n', '.gitattributes': '*.txt filter=subevil\n' })
  sh(sub, 'add', '-A')
  sh(sub, 'commit', '-q', '-m', 'sub')
  const subSha = sh(sub, 'rev-parse', 'HEAD')
  sh(sub, 'config', 'core.fsmonitor', canary('submodule fsmonitor'))
  sh(sub, 'config', 'filter.subevil.clean', canary('submodule filter'))
  put(sub, { 's.txt': 'x\n' })
  sh(repo, 'add', '-A')
  sh(repo, 'update-index', '--add', '--cacheinfo', `160000,${subSha},sub`)
  sh(repo, 'commit', '-q', '-m', 'first')
  const base = sh(repo, 'rev-parse', 'HEAD')
  const settings: Record<string, string> = {
    'core.fsmonitor': canary('core.fsmonitor'),
    'core.hooksPath': join(dir, 'hooks'),
    'core.sshCommand': canary('core.sshCommand'),
    'core.askPass': bare(canary('core.askPass')),
    'core.pager': canary('core.pager'),
    'core.editor': canary('core.editor'),
    'core.gitProxy': canary('core.gitProxy'),
    'core.alternateRefsCommand': canary('core.alternateRefsCommand'),
    'core.untrackedCache': 'true',
    'sequence.editor': canary('sequence.editor'),
    'diff.external': canary('diff.external'),
    'diff.evil.command': canary('diff.command'),
    'diff.evil.textconv': canary('diff.textconv'),
    'merge.evil.driver': canary('merge.driver'),
    'merge.default': 'evil',
    'merge.renormalize': 'true',
    'gpg.program': bare(canary('gpg.program')),
    'gpg.ssh.program': bare(canary('gpg.ssh.program')),
    'commit.gpgSign': 'true',
    'tag.gpgSign': 'true',
    'log.showSignature': 'true',
    'pager.log': canary('pager.log'),
    'pager.diff': 'true',
    'credential.helper': canary('credential.helper'),
    'credential.https://example.org.helper': canary('credential.url.helper'),
    'trailer.quartet.command': canary('trailer.command'),
    'hook.evil.command': canary('hook.command'),
    'hook.evil.event': 'post-index-change',
    'init.templateDir': join(dir, 'template'),
    'protocol.ext.allow': 'always',
    'remote.origin.url': `ext::sh -c ${canary('ext url')}`,
    'remote.origin.uploadpack': canary('uploadpack'),
    'remote.origin.promisor': 'true',
    'submodule.sub.url': `ext::sh -c ${canary('ext submodule')}`,
    'submodule.sub.update': `!${canary('submodule.update')}`,
    'submodule.sub.active': 'true',
    'submodule.recurse': 'true',
    'diff.submodule': 'diff',
    'lfs.standalonetransferagent': 'evil',
    'lfs.customtransfer.evil.path': canary('lfs.customtransfer'),
    'extensions.worktreeConfig': 'true',
    'include.path': join(dir, 'included.config'),
  }
  for (const verb of ['status', 'diff', 'log', 'add', 'commit', 'worktree', 'rev-parse', 'read-tree'])
    settings[`alias.${verb}`] = `!${canary(`alias ${verb}`)}`
  for (const name of FILTERS) {
    const key = (part: string) => `filter.${name}.${part}`
    if (name === 'included') {
      writeFileSync(
        join(dir, 'included.config'),
        `[filter "included"]\n\tclean = ${canary('filter included')}\n\tsmudge = ${canary('filter included')}\n`,
      )
    } else if (name === 'perworktree') {
      writeFileSync(
        join(repo, '.git/config.worktree'),
        `[filter "perworktree"]\n\tclean = ${canary('filter perworktree')}\n\tsmudge = ${canary('filter perworktree')}\n[core]\n\tfsmonitor = ${canary('worktree fsmonitor')}\n`,
      )
    } else if (name === 'proc') {
      settings[key('process')] = canary('filter.process')
    } else {
      settings[key('clean')] = canary(`filter ${name} clean`)
      settings[key('smudge')] = canary(`filter ${name} smudge`)
      settings[key('required')] = 'true'
    }
  }
  const config = Object.entries(settings)
  for (const [key, value] of config) sh(repo, 'config', key, value)
  mkdirSync(join(dir, 'hooks'))
  for (const hook of HOOKS) {
    canary(`hook ${hook}`)
    const script = join(bin, `hook_${hook.replace(/[^a-z]/g, '_')}`)
    for (const folder of [join(repo, '.git/hooks'), join(dir, 'hooks'), join(dir, 'template/hooks')])
      copyFileSync(script, join(folder, hook))
  }
  return {
    dir,
    repo,
    root: join(dir, 'worktrees'),
    base,
    sub,
    fired: () => readdirSync(fired).sort(),
    clear: () => {
      for (const name of readdirSync(fired)) rmSync(join(fired, name))
    },
  }
}
