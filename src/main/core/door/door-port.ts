import { readFile, writeFile } from 'node:fs/promises'
import { isFailure } from '../../../shared/domain/failure.ts'
import { type Door, type DoorOptions, openDoor } from './door.ts'

/**
 * Opens the door on `asked` (then exactly there, or `port_in_use`), else on the port of the last run so that bookmarks go
 * on to work, else on any free one, which is remembered in `portPath`.
 */
export async function openDoorSomewhere(
  options: Omit<DoorOptions, 'port'> & { asked: number | null; portPath: string },
): Promise<Door> {
  const { asked, portPath, ...rest } = options
  if (asked !== null) return openDoor({ ...rest, port: asked })
  const remembered = await readPort(portPath)
  const door = await openDoor({ ...rest, port: remembered }).catch((error: unknown) => {
    if (remembered !== 0 && isFailure(error)) return openDoor({ ...rest, port: 0 })
    throw error
  })
  if (door.port !== remembered) {
    // A convenience: a full disk must not keep the core from starting.
    await writeFile(portPath, `${door.port}\n`, { mode: 0o600 }).catch((error: unknown) =>
      options.log.warn('the port could not be remembered', { error }),
    )
  }
  return door
}

async function readPort(path: string): Promise<number> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const port = Number(text.trim())
  return Number.isInteger(port) && port > 1023 && port < 65_536 ? port : 0
}
