import { open, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { decodeRecord, encodeRecord, HEAD, keyIn, readHead, type StoredRecord } from './record.ts'
import { hasCode } from './places.ts'

/** The last second that every file system can note. */
const LAST_SECOND = 2 ** 31 - 1
const USUAL_KEY = 2048

/** The whole record of this key, expired or not; `undefined` where there is none that can be read. */
export async function readRecord (path: string, key: string): Promise<StoredRecord | undefined> {
  try {
    return decodeRecord(key, await readFile(path))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/**
 * Writes to an unfinished name and renames, so that a reader sees the old record or the new one. Not flushed to the
 * disk: after a power failure the checksum finds what is not whole. The file's times note when it was written and
 * when it ends, so that an eviction need not open every file.
 */
export async function writeRecord (path: string, unfinished: string, key: string, record: StoredRecord, mode: number): Promise<void> {
  try {
    const file = await open(unfinished, 'wx', mode)
    try {
      await file.writeFile(encodeRecord(key, record))
      if (mode !== 0o600) await file.chmod(mode) // the process's umask does not overrule what was asked for
      await file.utimes(Math.min(record.expires / 1000, LAST_SECOND), writtenNow() / 1000)
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {})
    throw error
  }
}

/** Wall clock in fractions of a millisecond: writes that follow each other closely keep their order. */
function writtenNow (): number {
  return performance.timeOrigin + performance.now()
}

/** `false`: there was no such file. */
export async function removeFile (path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

export interface Traces {
  /** When it seems to end, ms. A hint: some systems note the time of reading in its place. */
  readonly ends: number
  /** When it was written, ms. */
  readonly written: number
}

export async function traces (path: string): Promise<Traces | undefined> {
  try {
    const { atimeMs, mtimeMs } = await stat(path)
    return { ends: atimeMs >= LAST_SECOND * 1000 ? Infinity : atimeMs, written: mtimeMs }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

/** The key and expiry that a file states, without reading its value. */
export async function peek (path: string): Promise<{ readonly key: string, readonly expires: number } | undefined> {
  let file
  try {
    file = await open(path, 'r')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
  try {
    let bytes = await firstBytes(file, HEAD + USUAL_KEY)
    const head = readHead(bytes)
    if (head === undefined) return undefined
    if (bytes.length < HEAD + head.keyLength) {
      if ((await file.stat()).size < HEAD + head.keyLength) return undefined
      bytes = await firstBytes(file, HEAD + head.keyLength)
    }
    return { key: keyIn(bytes, head.keyLength), expires: head.expires }
  } finally {
    await file.close()
  }
}

async function firstBytes (file: Awaited<ReturnType<typeof open>>, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, 0)
  return buffer.subarray(0, bytesRead)
}
