/** Pictures by their first bytes: a name proves nothing, and what is no picture is not shown. SVG is a program, not a picture. */
const MAGIC: readonly (readonly [string, (head: Buffer) => boolean])[] = [
  ['image/png', (head) => head.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]))],
  ['image/jpeg', (head) => head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff],
  ['image/gif', (head) => head.subarray(0, 4).toString('latin1') === 'GIF8'],
  [
    'image/webp',
    (head) =>
      head.subarray(0, 4).toString('latin1') === 'RIFF' && head.subarray(8, 12).toString('latin1') === 'WEBP',
  ],
]

/** Bytes of a file that `pictureType` needs. */
export const PICTURE_HEAD_BYTES = 16

/** The media type of a picture by its first bytes; null for anything else. */
export function pictureType(head: Buffer): string | null {
  return MAGIC.find(([, is]) => is(head))?.[0] ?? null
}

export interface PictureSize {
  width: number
  height: number
}

/** Width and height in px as the file itself says, without decoding it; null when it does not say. */
export function pictureSize(bytes: Buffer, type: string): PictureSize | null {
  try {
    switch (type) {
      case 'image/png':
        return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
      case 'image/gif':
        return { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) }
      case 'image/webp':
        return webpSize(bytes)
      default:
        return jpegSize(bytes)
    }
  } catch (error) {
    // The file ends before its own header does.
    if (error instanceof RangeError) return null
    throw error
  }
}

function webpSize(bytes: Buffer): PictureSize | null {
  switch (bytes.subarray(12, 16).toString('latin1')) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 }
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21)
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 }
    }
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff }
    default:
      return null
  }
}

/** Goes from segment to segment until the one that begins the picture. */
function jpegSize(bytes: Buffer): PictureSize | null {
  for (let at = 2; at < bytes.length; ) {
    if (bytes[at] !== 0xff) return null
    const marker = bytes.readUInt8(at + 1)
    // A marker may be padded with any number of these.
    if (marker === 0xff) {
      at++
      continue
    }
    const beginsFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (beginsFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) }
    at += 2 + Math.max(2, bytes.readUInt16BE(at + 2))
  }
  return null
}
