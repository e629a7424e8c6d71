import { describe, expect, it } from 'vitest'
import { isFailure } from '../../shared/domain/failure.ts'
import type { Repository } from '../../shared/domain/repository.ts'
import { pick, pickRepository } from './ids.ts'

const items = ['att_0k3aaa1111', 'att_0k3aaa2222', 'att_0k4bbb3333'].map((id) => ({ id }))
const find = (text: string) => pick('attempt', text, items, 'See: ls').id

describe('pick', () => {
  it('takes a whole id, and a beginning or an end that only one has', () => {
    expect(find('att_0k3aaa2222')).toBe('att_0k3aaa2222')
    expect(find('att_0k4')).toBe('att_0k4bbb3333')
    expect(find('2222')).toBe('att_0k3aaa2222')
    expect(find('AAA1111')).toBe('att_0k3aaa1111')
  })

  it('says which ones an ambiguous text could mean', () => {
    expect(() => find('att_0k3')).toThrow('“att_0k3” stands for 2 attempts: att_0k3aaa1111, att_0k3aaa2222.')
  })

  it('refuses what is too short to be meant', () => {
    try {
      find('33')
      expect.unreachable()
    } catch (error) {
      expect(isFailure(error, 'not_found')).toBe(true)
      expect(String(error)).toContain('There is no attempt “33”. See: ls')
    }
  })
})

const repo = (id: string, path: string): Repository => ({
  id,
  path,
  name: path.split('/').at(-1) ?? '',
  baseBranch: 'main',
  remoteUrl: null,
  forge: 'local',
  trustedHash: null,
  problem: null,
  rev: 1,
  createdAt: 0,
})

describe('pickRepository', () => {
  const all = [repo('rep_1', '/a/api'), repo('rep_2', '/b/api'), repo('rep_3', '/b/web')]

  it('goes by id, path or name', () => {
    expect(pickRepository('rep_2', null, all)?.id).toBe('rep_2')
    expect(pickRepository('./api', '/a/api', all)?.id).toBe('rep_1')
    expect(pickRepository('web', null, all)?.id).toBe('rep_3')
    expect(pickRepository('other', '/c/other', all)).toBeNull()
  })

  it('does not guess between two of one name', () => {
    expect(() => pickRepository('api', null, all)).toThrow('2 repositories are named “api”: /a/api, /b/api.')
  })
})
