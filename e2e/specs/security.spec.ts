import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { chromium } from '@playwright/test'
import { placesOf } from '../../src/main/core/data-dir.ts'
import { expect, test } from '../fixtures/host.ts'
import { smallRepo } from '../fixtures/repo.ts'
import { taskRows } from '../fixtures/window.ts'

test.skip(({ kind }) => kind !== 'web', 'The loopback door and the browser that comes through it.')

test('scripts that get into the page do not run', async ({ host }) => {
  const { page, box } = host
  await expect(page.getByTestId('first-run')).toBeVisible()
  const answer = await page.request.get(host.url)
  const policy = answer.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).not.toMatch(/script-src[^;]*'unsafe-/)

  const ran = await page.evaluate(async () => {
    const seen: string[] = []
    Object.assign(window, { pwned: (how: string) => seen.push(how) })
    const script = document.createElement('script')
    script.textContent = "pwned('inline script')"
    document.body.append(script)
    const image = document.createElement('div')
    image.innerHTML = `<img src="data:image/png;base64,none" onerror="pwned('handler')">`
    document.body.append(image)
    const remote = document.createElement('script')
    remote.src = 'data:text/javascript,pwned("data script")'
    document.body.append(remote)
    await new Promise((resolve) => setTimeout(resolve, 500))
    return seen
  })
  expect(ran).toEqual([])

  // Text of a brief is text, wherever it is shown.
  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  const evil = `<img src=x onerror="document.title='pwned'"> <script>document.title='pwned'</script>`
  await box.json(
    'fire',
    ...[
      '--repo',
      repo.path,
      '--title',
      evil,
      '--brief',
      `${evil}\n\n[click](javascript:document.title='pwned')`,
    ],
    ...[
      '--agent',
      'shell',
      '--attempts',
      '1',
      '--command',
      `printf '\\033]0;${'x'.repeat(400)}\\007'; echo '<b>bold</b>'`,
    ],
  )
  await taskRows(page).first().click()
  await expect(taskRows(page).first()).toContainText('<img src=x')
  expect(await page.title()).not.toContain('pwned')
  expect(await page.locator('a[href^="javascript"]').count()).toBe(0)
})

test('pages of other origins get nothing, with the cookie of a signed-in browser', async ({
  host,
  context,
}) => {
  // Another port of the same name is the same site: cookies come along, so only the origin tells them apart.
  await expect(host.page.getByTestId('first-run')).toBeVisible()
  const stranger = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html')
    response.end('<title>stranger</title>')
  })
  await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
  const address = stranger.address()
  const port = typeof address === 'object' && address ? address.port : 0
  try {
    const page = await context.newPage()
    await page.goto(`http://127.0.0.1:${port}/`)
    const got = await page.evaluate(async (url) => {
      const socket = (path: string) =>
        new Promise<string>((resolve) => {
          const ws = new WebSocket(url.replace('http', 'ws') + path)
          ws.onopen = () => resolve('open')
          ws.onerror = () => resolve('refused')
        })
      const read = (path: string, init: RequestInit) =>
        fetch(url + path, { credentials: 'include', ...init }).then(
          async (answer) => `${answer.type} ${answer.status}`,
          () => 'blocked',
        )
      return {
        rpc: await socket('/ws/rpc'),
        terminals: await socket('/ws/terminals'),
        page: await read('/', {}),
        auth: await read('/auth', { method: 'POST', body: '{"token":"x"}' }),
        code: await read('/auth/code', { method: 'POST' }),
      }
    }, host.url)
    expect(got).toEqual({
      rpc: 'refused',
      terminals: 'refused',
      page: 'blocked',
      auth: 'blocked',
      code: 'blocked',
    })
  } finally {
    stranger.close()
  }
})

test('a name that was rebound to this machine is not answered', async ({ host, launchOptions }) => {
  const rebound = await chromium.launch({
    ...launchOptions,
    args: [...(launchOptions.args ?? []), '--host-resolver-rules=MAP evil.test 127.0.0.1'],
  })
  try {
    const page = await rebound.newPage()
    for (const path of ['/', '/auth', '/hello?nonce=0123456789abcdef']) {
      const answer = await page.goto(`http://evil.test:${new URL(host.url).port}${path}`)
      expect(answer?.status(), path).toBe(403)
    }
  } finally {
    await rebound.close()
  }
})

test('the token is nowhere that others look', async ({ host }) => {
  const { page, box, token } = host
  await expect(page.getByTestId('first-run')).toBeVisible()
  expect(page.url()).not.toContain(token)
  expect(await page.evaluate(() => document.cookie)).toBe('')
  const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]))
  expect(stored).not.toContain(token)

  const repo = await smallRepo(join(box.repos, 'small'), box.home)
  const fired = await box.json(
    'fire',
    ...[
      '--repo',
      repo.path,
      '--brief',
      'Look around',
      '--agent',
      'shell',
      '--attempts',
      '1',
      '--wait',
      'ready',
    ],
    ...['--command', 'env; cat /proc/self/environ; echo done'],
  )
  const log = await box.json('log', fired.attempts[0].id)
  expect(log.text).toContain('done')
  expect(log.text).not.toContain(token)
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [argv, env] = await Promise.all(
      ['cmdline', 'environ'].map((name) => readFile(join('/proc', pid, name), 'latin1').catch(() => '')),
    )
    expect(argv).not.toContain(token)
    expect(env).not.toContain(token)
  }
  const { logs } = placesOf(box.dataDir)
  for (const name of await readdir(logs))
    expect(await readFile(join(logs, name), 'utf8')).not.toContain(token)
})

test('without the token there is nothing to see', async ({ host, browser }) => {
  const stranger = await browser.newContext()
  const page = await stranger.newPage()
  await page.goto(host.url)
  await expect(page.getByTestId('first-run')).toHaveCount(0)
  await page.goto(`${host.url}/#token=${'x'.repeat(43)}`)
  await expect(page.getByText(/token/i).first()).toBeVisible()
  expect((await page.request.get(`${host.url}/auth`)).status()).toBe(401)
  await stranger.close()
})
