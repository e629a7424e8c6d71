import { describe, expect, it } from 'vitest'
import { parseRemoteUrl } from './remote-url.ts'

const at = (host: string, apiBase: string) => ({ host, owner: 'acme', name: 'app', apiBase })
const GITHUB = at('github.com', 'https://api.github.com')

describe('a remote URL', () => {
  it.each([
    'https://github.com/acme/app.git',
    'https://github.com/acme/app',
    'https://github.com/acme/app/',
    'https://GitHub.com/acme/app.git',
    'https://www.github.com/acme/app',
    'https://user:secret@github.com/acme/app.git',
    'http://github.com/acme/app',
    'git@github.com:acme/app.git',
    'github.com:acme/app',
    'git@github.com:/acme/app.git',
    'ssh://git@github.com/acme/app.git',
    'ssh://git@github.com:22/acme/app',
    'ssh://git@ssh.github.com:443/acme/app.git',
    'git+ssh://git@github.com/acme/app.git',
    '  git@github.com:acme/app.git\n',
  ])('%s is acme/app on GitHub', (url) => {
    expect(parseRemoteUrl(url)).toEqual(GITHUB)
  })

  it('names the API of Enterprise hosts', () => {
    expect(parseRemoteUrl('git@git.example.org:acme/app.git')).toEqual(
      at('git.example.org', 'https://git.example.org/api/v3'),
    )
    expect(parseRemoteUrl('ssh://git@git.example.org:7999/acme/app.git')).toEqual(
      at('git.example.org', 'https://git.example.org/api/v3'),
    )
    expect(parseRemoteUrl('https://git.example.org:8443/acme/app')).toEqual(
      at('git.example.org:8443', 'https://git.example.org:8443/api/v3'),
    )
    expect(parseRemoteUrl('https://octo.ghe.com/acme/app.git')).toEqual(
      at('octo.ghe.com', 'https://api.octo.ghe.com'),
    )
    expect(parseRemoteUrl('https://forge.test/acme/app', { 'forge.test': 'http://127.0.0.1:4000/' })).toEqual(
      at('forge.test', 'http://127.0.0.1:4000'),
    )
  })

  it.each([
    '',
    '/home/me/app.git',
    '../app',
    'file:///srv/app.git',
    'C:\\work\\app',
    'C:/work/app',
    'https://github.com/acme',
    'https://gitlab.example.org/group/sub/app.git',
    'git://github.com/acme/app.git',
    'ext::sh -c evil',
    'https://github.com/../app',
    'https://github.com/ac me/app',
    'https://github.com/acme/%2e%2e',
    'https:///acme/app',
  ])('“%s” names no repository on a forge', (url) => {
    expect(parseRemoteUrl(url)).toBeNull()
  })
})
