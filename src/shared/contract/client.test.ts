import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import { expect, test } from 'vitest'
import { type CoreClient, toFailure } from './client.ts'

test('a call that waits while its connection ends fails with a sentence for people', async () => {
  const { port1, port2 } = new MessageChannel()
  const client: CoreClient = createORPCClient(new RPCLink({ port: port1 }))
  const call = client.repositories.list()
  port2.close()
  const failure = toFailure(await call.catch((error: unknown) => error))
  expect(failure).toMatchObject({ code: 'core_unreachable' })
  expect(String(failure)).toContain('was cut')
})
