/**
 * An archive of the form "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format): what the kernel unpacks as
 * its first root. Written here because it holds device nodes, which only root could make on a disk first.
 */
export type CpioEntry =
  | { readonly is: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly is: 'file'; readonly path: string; readonly data: Uint8Array; readonly mode?: number }
  | { readonly is: 'link'; readonly path: string; readonly target: string }
  | { readonly is: 'device'; readonly path: string; readonly major: number; readonly minor: number };

const KIND = { directory: 0o040000, file: 0o100000, link: 0o120000, device: 0o020000 } as const;
const ALIGNMENT = 4;

/** All belongs to root, nothing has a time: the same entries give the same bytes. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const pieces = entries.map((entry, index) => record(entry, index + 1));
  return Buffer.concat([...pieces, field('TRAILER!!!', { ino: 0, mode: 0, nlink: 1 }, Buffer.alloc(0))]);
}

function record(entry: CpioEntry, ino: number): Buffer {
  switch (entry.is) {
    case 'directory':
      return field(
        entry.path,
        { ino, mode: KIND.directory | (entry.mode ?? 0o755), nlink: 2 },
        Buffer.alloc(0),
      );
    case 'file':
      return field(
        entry.path,
        { ino, mode: KIND.file | (entry.mode ?? 0o644), nlink: 1 },
        Buffer.from(entry.data),
      );
    case 'link':
      return field(entry.path, { ino, mode: KIND.link | 0o777, nlink: 1 }, Buffer.from(entry.target));
    case 'device': {
      const { path, major, minor } = entry;
      return field(path, { ino, mode: KIND.device | 0o600, nlink: 1, major, minor }, Buffer.alloc(0));
    }
  }
}

interface Inode {
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly major?: number;
  readonly minor?: number;
}

function field(path: string, { ino, mode, nlink, major = 0, minor = 0 }: Inode, data: Buffer): Buffer {
  const name = Buffer.from(`${path.replace(/^\//, '')}\0`);
  const numbers = [ino, mode, 0, 0, nlink, 0, data.byteLength, 0, 0, major, minor, name.byteLength, 0];
  const head = Buffer.from(`070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}`);
  return Buffer.concat([padded(Buffer.concat([head, name])), padded(data)]);
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((ALIGNMENT - (bytes.byteLength % ALIGNMENT)) % ALIGNMENT)]);
}
