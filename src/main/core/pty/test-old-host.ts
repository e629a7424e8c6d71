import { spawn } from 'node:child_process'
import { readLock } from '../../kernel/lock-file.ts'
import { silentLogger } from '../../kernel/logger.ts'
import { isAlive } from '../../kernel/process-table.ts'
import { openConnection } from '../../pty-protocol/connection.ts'
import { descriptorPath, prepareHostDir, sharedSecret } from '../../pty-protocol/host-place.ts'
import type { PtyInfo, PtySpec } from '../../pty-protocol/pty-host.ts'
import { SocketPtyHost } from '../../pty-protocol/socket-pty-host.ts'
import { until } from './test-terminals.ts'

/** Starts a host that says it speaks `version`, and a program in it, as a core of that version would have. */
export async function openWith(
  dataDir: string,
  version: number,
  args: string[],
  spec: PtySpec,
): Promise<PtyInfo> {
  await prepareHostDir(dataDir)
  spawn(process.execPath, args, { detached: true, stdio: 'ignore' }).unref()
  const holder = await until(async () => {
    const found = await readLock(descriptorPath(dataDir, version))
    return found?.url ? { ...found, url: found.url } : null
  })
  const secret = await sharedSecret(dataDir)
  const host = await SocketPtyHost.open({
    log: silentLogger,
    connect: (makeEvents) => openConnection(holder.url, secret, version, makeEvents),
    isAlive: () => isAlive(holder.pid, holder.startedAt),
  })
  const info = await host.create(spec)
  host.dispose()
  return info
}
