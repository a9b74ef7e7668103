import { execFileSync } from 'node:child_process';

const XZ = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]);
const MOST = 128 * 1024 * 1024;

/**
 * The kernel that is packed, by xz, in one that unpacks itself (zImage). What stands there first may be the name of the
 * form in the code that unpacks it: the stream that can be unpacked counts.
 */
export function xzUnpacked(packed: Buffer): Buffer {
  for (let at = packed.indexOf(XZ); at >= 0; at = packed.indexOf(XZ, at + 1)) {
    try {
      return execFileSync('xz', ['--decompress', '--stdout', '--single-stream', '--quiet'], {
        input: packed.subarray(at),
        maxBuffer: MOST,
        stdio: ['pipe', 'pipe', 'ignore'],
      });
    } catch (error) {
      // Behind the stream stands what is not of it: xz gives the stream, and then an error.
      const { stdout } = error as { readonly stdout?: Buffer };
      if (stdout !== undefined && stdout.byteLength > packed.byteLength) return stdout;
    }
  }
  throw new Error('no kernel packed by xz was found');
}
