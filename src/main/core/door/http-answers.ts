import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import type { Auth } from './auth.ts'
import { readPageFile } from './page-files.ts'
import { SAFE_HEADERS } from './page-headers.ts'
import { judgeAct, judgeHost, judgeRead, type Refusal } from './request-policy.ts'

export interface AnswerContext {
  auth: Auth
  port: number
  pagesDir: string
  version: string
}

/** Longer than any proof. */
const MAX_BODY_BYTES = 4_096
const BODY_MS = 5_000

const Proof = z.object({ token: z.string().max(500).optional(), code: z.string().max(500).optional() })

/** Answers one HTTP request: pages for everybody on this machine, sign-in, nothing that acts otherwise. */
export async function answerHttp(
  context: AnswerContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refusal = judgeHost(request.headers, context.port)
  if (refusal) return refuse(response, refusal)
  const url = request.url ?? '/'
  const path = url.split('?', 1)[0] ?? '/'
  if (path === '/auth') return answerAuth(context, request, response)
  if (path === '/auth/code') return answerCode(context, request, response)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return refuse(response, { status: 405, message: 'Only reading is possible here.' })
  }
  const foreign = judgeRead(request.headers)
  if (foreign) return refuse(response, foreign)
  if (path === '/hello') return answerHello(context, url, response)
  const file = await readPageFile(context.pagesDir, path)
  if (!file) {
    return refuse(response, {
      status: 404,
      message: path === '/' ? 'The window is not built: run npm run build.' : 'There is nothing here.',
    })
  }
  response.writeHead(200, {
    ...SAFE_HEADERS,
    'content-type': file.type,
    'content-length': file.body.byteLength,
    'cache-control': file.cacheControl,
  })
  response.end(request.method === 'HEAD' ? undefined : file.body)
}

/** GET: is this browser signed in? POST: signs it in for a token or a code. */
async function answerAuth(
  { auth, port }: AnswerContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method === 'GET') {
    const foreign = judgeRead(request.headers)
    if (foreign) return refuse(response, foreign)
    if (auth.hasSession(request.headers, port)) return send(response, 204)
    return refuse(response, { status: 401, message: 'Not signed in.' })
  }
  if (request.method !== 'POST') return refuse(response, { status: 405, message: 'Use POST.' })
  // A form or a simple request of another page can send neither this header nor this type.
  const foreign = judgeAct(request.headers, { bearer: false })
  if (foreign || request.headers['x-quartet'] === undefined) {
    return refuse(response, foreign ?? { status: 403, message: 'The X-Quartet header is missing.' })
  }
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    return refuse(response, { status: 415, message: 'Send JSON.' })
  }
  const body = await readBody(request)
  if (typeof body !== 'string') return refuse(response, body)
  const session = auth.exchange(parseProof(body))
  if (session !== null) return send(response, 204, { 'set-cookie': auth.cookie(session, port) })
  const waited = await auth.delayFailure()
  return refuse(
    response,
    waited
      ? { status: 401, message: 'The token or code is wrong, or the code was used or is too old.' }
      : { status: 429, message: 'Too many wrong attempts; wait a moment.' },
  )
}

/** POST with the token as Bearer: a code for one sign-in of a browser. */
async function answerCode(
  { auth }: AnswerContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') return refuse(response, { status: 405, message: 'Use POST.' })
  const bearer = auth.bearer(request.headers) === 'good'
  const foreign = judgeAct(request.headers, { bearer })
  if (bearer && !foreign) return json(response, 200, { code: auth.mintCode() })
  const waited = await auth.delayFailure()
  refuse(
    response,
    waited
      ? { status: 401, message: 'The token is missing or wrong.' }
      : { status: 429, message: 'Too many wrong attempts; wait a moment.' },
  )
}

/** Lets a client that read an address in a lock file check who listens there before it shows its token. */
function answerHello({ auth, version }: AnswerContext, url: string, response: ServerResponse): void {
  const nonce = new URLSearchParams(url.split('?', 2)[1]).get('nonce') ?? ''
  if (/^[\w-]{16,128}$/.test(nonce)) {
    json(response, 200, { quartet: version, pid: process.pid, proof: auth.proof(nonce) })
  } else refuse(response, { status: 400, message: 'A nonce of 16 to 128 letters is needed.' })
}

/** The body as text, or why it is refused. */
function readBody(request: IncomingMessage): Promise<string | Refusal> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const timer = setTimeout(() => resolve({ status: 408, message: 'The request took too long.' }), BODY_MS)
    const end = (result: string | Refusal) => {
      clearTimeout(timer)
      resolve(result)
    }
    request.on('data', (chunk: Buffer) => {
      size += chunk.byteLength
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
      else end({ status: 413, message: 'The request is too large.' })
    })
    request.on('end', () => end(Buffer.concat(chunks).toString('utf8')))
    request.on('error', () => end({ status: 400, message: 'The request broke off.' }))
    request.on('close', () => end({ status: 400, message: 'The request broke off.' }))
  })
}

function parseProof(body: string): z.infer<typeof Proof> {
  try {
    const parsed = Proof.safeParse(JSON.parse(body))
    return parsed.success ? parsed.data : {}
  } catch {
    // No JSON is no proof.
    return {}
  }
}

function send(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, { ...SAFE_HEADERS, 'cache-control': 'no-store', ...headers })
  response.end()
}

function json(response: ServerResponse, status: number, value: unknown): void {
  const text = JSON.stringify(value)
  response.writeHead(status, {
    ...SAFE_HEADERS,
    'cache-control': 'no-store',
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

const CODES: Partial<Record<Refusal['status'], string>> = {
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'not_found',
}

/** Refuses in words; the rest of the request is not read. */
export function refuse(response: ServerResponse, { status, message }: Refusal): void {
  if (status === 408 || status === 413) response.setHeader('connection', 'close')
  json(response, status, { error: { code: CODES[status] ?? 'invalid_input', message } })
}
