import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Seen {
  method: string
  /** Path with its query. */
  path: string
  headers: IncomingMessage['headers']
  body: unknown
}

export interface Scripted {
  status?: number
  headers?: Record<string, string>
  json?: unknown
  text?: string
  /** Sends only so many bytes of the body that it announced, then cuts the line. */
  cutAfter?: number
  /** Never answers. */
  hang?: boolean
  /** Cuts the line without any answer. */
  reset?: boolean
}

type Rule = (request: Seen) => Scripted | undefined

export interface ScriptedServer {
  url: string
  seen: Seen[]
  /** Answers `METHOD /path` with these in turn; the last one stays. Later scripts win over earlier ones. */
  on(route: string, ...answers: Scripted[]): void
  /** Requests of a route so far. */
  count(route: string): number
}

/** A real HTTP server whose answers a test writes down: what a forge does on a bad day. It ends with the test. */
export async function scriptedServer(fallback: Rule = () => undefined): Promise<ScriptedServer> {
  const seen: Seen[] = []
  const rules: Rule[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8')
      const entry: Seen = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: text === '' ? null : (JSON.parse(text) as unknown),
      }
      seen.push(entry)
      let answer: Scripted | undefined
      for (const rule of [...rules].reverse()) {
        answer = rule(entry)
        if (answer) break
      }
      send(request, response, answer ?? fallback(entry) ?? { status: 404, json: { message: 'Not Found' } })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  const matches = (route: string, request: Pick<Seen, 'method' | 'path'>) => {
    const [method = '', path = ''] = route.split(' ')
    return request.method === method && decodeURIComponent(request.path.split('?')[0] ?? '') === path
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    on: (route, ...answers) => {
      let turn = 0
      rules.push((request) =>
        matches(route, request) ? answers[Math.min(turn++, answers.length - 1)] : undefined,
      )
    },
    count: (route) => seen.filter((request) => matches(route, request)).length,
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: Scripted): void {
  if (answer.hang) return
  if (answer.reset) {
    request.socket.destroy()
    return
  }
  const body = Buffer.from(answer.text ?? (answer.json === undefined ? '' : JSON.stringify(answer.json)))
  response.writeHead(answer.status ?? 200, {
    ...(answer.json === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' }),
    'content-length': String(body.length),
    ...answer.headers,
  })
  if (answer.cutAfter === undefined) response.end(body)
  else response.write(body.subarray(0, answer.cutAfter), () => request.socket.destroy())
}
