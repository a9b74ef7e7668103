import { objectOf } from './qmp-messages.ts';

/** A block node of QEMU's, as query-named-block-nodes tells it. */
export interface BlockNode {
  readonly name: string;
  readonly driver: string;
  /** What it has open: a path, or for layers above others their description in JSON behind "json:". */
  readonly file: string;
  /** Bytes. */
  readonly size: number;
}

/** Where the drive of the host leads. `between` and `unknown` are nobody's word for anything. */
export type DriveAt =
  | { readonly is: 'host'; readonly size: number }
  | { readonly is: 'away'; readonly size: number }
  /** Away, but QEMU still has the image open, in these nodes. */
  | { readonly is: 'between'; readonly size: number; readonly nodes: readonly string[] }
  | { readonly is: 'unknown'; readonly why: string };

/** The nodes in an answer; what is not shaped like one is left out. */
export function blockNodes(answer: unknown): BlockNode[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((entry: unknown) => {
    const node = objectOf(entry);
    const name = node?.['node-name'];
    const { drv: driver, file } = node ?? {};
    const size = objectOf(node?.image)?.['virtual-size'];
    const isNode = typeof name === 'string' && typeof driver === 'string' && typeof file === 'string';
    return isNode && typeof size === 'number' && Number.isSafeInteger(size)
      ? [{ name, driver, file, size }]
      : [];
  });
}

/** Where the drive whose uppermost node is `node` leads. */
export function whereIs(nodes: readonly BlockNode[], node: string, image: string): DriveAt {
  const drive = nodes.find(({ name }) => name === node);
  if (drive === undefined) return { is: 'unknown', why: `QEMU has no block node "${node}"` };
  const { size } = drive;
  if (drive.driver !== 'raw')
    return { is: 'unknown', why: `block node "${node}" is ${drive.driver}, not raw` };
  if (drive.file === image) return { is: 'host', size };
  if (!failsAlways(drive.file))
    return { is: 'unknown', why: `"${node}" is over ${drive.file.slice(0, 200)}` };
  const open = nodes.filter(({ name, file }) => name !== node && file === image).map(({ name }) => name);
  return open.length === 0 ? { is: 'away', size } : { is: 'between', size, nodes: open };
}

/** A node that fails every request, under the drive's own. */
function failsAlways(file: string): boolean {
  if (!file.startsWith('json:')) return false;
  try {
    return objectOf(objectOf(JSON.parse(file.slice(5)))?.file)?.driver === 'blkdebug';
  } catch {
    return false;
  }
}

const EIO = 5;

/** What the host's drive is put over while it is away: as large as the image, and every request fails. */
export function failingNode(name: string, size: number): Readonly<Record<string, unknown>> {
  return {
    driver: 'blkdebug',
    'node-name': name,
    image: { driver: 'null-co', size },
    'inject-error': [{ event: 'none', errno: EIO, once: false }],
  };
}
