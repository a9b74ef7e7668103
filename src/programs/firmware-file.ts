import { createHash } from 'node:crypto';
import { type LocalFile, openLocalFile } from '../adapters/operator-files.ts';
import { equalBytes, NsError, type Verdict } from '../base/index.ts';
import { FIRMWARE_HEAD, manifestLength, placeParts } from '../firmware/index.ts';
import type { FirmwareManifest } from '../protocol/index.ts';
import { FIRMWARE_MANIFEST_MOST, readFirmware } from '../security/index.ts';

/** An image as an order brings it. */
export interface FirmwareFile {
  /** What it says of itself; whose signature that is only the device can tell. */
  readonly manifest: FirmwareManifest;
  readonly signed: Uint8Array;
  /** What follows the manifest. */
  readonly content: Pick<LocalFile, 'size' | 'sha256' | 'read'>;
  close(): Promise<void>;
}

const READ_BYTES = 1024 * 1024;

/** Opens an image. NS_FIRMWARE_FILE where it is none, or not whole; NS_LOCAL_FILE. */
export async function openFirmwareFile(path: string, signal: AbortSignal): Promise<FirmwareFile> {
  const file = await openLocalFile(path, signal);
  try {
    const head = await bytesAt(file, path, 0, FIRMWARE_HEAD);
    const length = must(path, manifestLength(head, FIRMWARE_MANIFEST_MOST));
    const signed = await bytesAt(file, path, FIRMWARE_HEAD, length);
    const manifest = must(path, readFirmware(signed));
    const { parts, size } = placeParts(manifest, length);
    const [part, ...more] = parts;
    if (part === undefined || more.length > 0) throw fault(path, 'has not one part, as slots have');
    if (size !== file.size)
      throw fault(path, `has ${file.size} bytes, and its manifest says ${size}: it is not whole`);
    const hash = createHash('sha256');
    for (let at = part.offset; at < size; at += READ_BYTES) {
      signal.throwIfAborted();
      hash.update(await bytesAt(file, path, at, Math.min(READ_BYTES, size - at)));
    }
    if (!equalBytes(hash.digest(), part.sha256))
      throw fault(path, 'does not hold what its manifest says: it was changed on its way');
    return {
      manifest,
      signed,
      content: {
        size: part.size,
        sha256: part.sha256,
        read: (offset, into) => file.read(part.offset + offset, into),
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function bytesAt(file: LocalFile, path: string, at: number, length: number): Promise<Uint8Array> {
  if (at + length > file.size) throw fault(path, `ends after ${file.size} bytes: it is not a whole image`);
  const bytes = new Uint8Array(length);
  await file.read(at, bytes);
  return bytes;
}

function must<T>(path: string, verdict: Verdict<T>): T {
  if (verdict.ok) return verdict.value;
  throw fault(path, `is no firmware image: ${verdict.refusal.sentence}`);
}

function fault(path: string, what: string): NsError {
  return new NsError('NS_FIRMWARE_FILE', `${path} ${what}`, { family: 'caller' });
}
