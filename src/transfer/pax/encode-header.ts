import { concatBytes, fromUtf8, utf8 } from '../../base/index.ts';
import { type ArchiveEntry, BLOCK, heldBytes, roundUp } from './archive-entry.ts';
import { encodeRecords, type PaxRecord, timeText } from './pax-records.ts';
import { encodeSparseMap } from './sparse-map.ts';

const NAME_BYTES = 100;
/** The largest numbers that the fields of a header hold in octal. */
const MAX_OWNER = 0o7777777;
const MAX_LARGE = 0o77777777777;

const TYPE = { file: '0', link: '1', symlink: '2', directory: '5', fifo: '6' } as const;

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte > 0 && byte < 0x80);

/** As it stands in an archive: a directory ends in "/", and the top is "./". */
function nameOf({ path, kind }: ArchiveEntry): Uint8Array {
  if (path.byteLength === 0) return utf8('./');
  return kind === 'directory' ? concatBytes(path, utf8('/')) : path;
}

/** What a reader that knows no extended headers is told in place of a name that does not fit. */
const shortened = (bytes: Uint8Array): Uint8Array =>
  bytes.slice(-NAME_BYTES).map((byte) => (byte < 0x80 ? byte : 0x5f));

interface Fields {
  readonly name: Uint8Array;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly linkName: Uint8Array;
}

/** POSIX.1-1988 ustar header. */
function ustar(fields: Fields): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const octal = (at: number, width: number, value: number): void => {
    block.set(utf8(value.toString(8).padStart(width - 1, '0')), at);
  };
  block.set(fields.name, 0);
  octal(100, 8, fields.mode);
  octal(108, 8, fields.uid > MAX_OWNER ? 0 : fields.uid);
  octal(116, 8, fields.gid > MAX_OWNER ? 0 : fields.gid);
  octal(124, 12, fields.size > MAX_LARGE ? 0 : fields.size);
  octal(136, 12, fields.mtime >= 0 && fields.mtime <= MAX_LARGE ? fields.mtime : 0);
  block.fill(0x20, 148, 156);
  block.set(utf8(fields.type), 156);
  block.set(fields.linkName, 157);
  block.set(utf8('ustar\u000000'), 257);
  octal(329, 8, 0);
  octal(337, 8, 0);
  let sum = 0;
  for (const byte of block) sum += byte;
  octal(148, 7, sum);
  block[154] = 0;
  return block;
}

/** "%" and "=" cannot stand in a keyword as they are; this is how GNU tar writes them. */
const attributeKey = (name: string): string =>
  `SCHILY.xattr.${name.replaceAll('%', '%25').replaceAll('=', '%3D')}`;

function recordsOf(entry: ArchiveEntry, name: Uint8Array, stored: number): PaxRecord[] {
  const { target, uid, gid, mtime, mtimeNanoseconds = 0, segments, size, xattrs = [] } = entry;
  const records: PaxRecord[] = [];
  const texts = [name, ...(target === undefined ? [] : [target])];
  if (texts.some((each) => fromUtf8(each) === undefined)) records.push(['hdrcharset', 'BINARY']);
  if (segments !== undefined) {
    records.push(
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', name],
      ['GNU.sparse.realsize', String(size)],
    );
  } else if (name.byteLength > NAME_BYTES || !isAscii(name)) records.push(['path', name]);
  if (target !== undefined && (target.byteLength > NAME_BYTES || !isAscii(target))) {
    records.push(['linkpath', target]);
  }
  if (uid > MAX_OWNER) records.push(['uid', String(uid)]);
  if (gid > MAX_OWNER) records.push(['gid', String(gid)]);
  if (stored > MAX_LARGE) records.push(['size', String(stored)]);
  if (mtimeNanoseconds !== 0 || mtime < 0 || mtime > MAX_LARGE) {
    records.push(['mtime', timeText(mtime, mtimeNanoseconds)]);
  }
  for (const { name: attribute, value } of xattrs) records.push([attributeKey(attribute), value]);
  return records;
}

/** All that stands in front of the contents of an entry; whole blocks. */
export function encodeHead(entry: ArchiveEntry): Uint8Array {
  const map = entry.segments === undefined ? new Uint8Array(0) : encodeSparseMap(entry.segments, entry.size);
  const stored = entry.kind === 'file' ? map.byteLength + heldBytes(entry) : 0;
  const name = nameOf(entry);
  const records = recordsOf(entry, name, stored);
  const { mode, uid, gid, mtime } = entry;
  const plain = entry.segments === undefined ? name : concatBytes(utf8('GNUSparseFile.0/'), name);
  const header = ustar({
    name: plain.byteLength > NAME_BYTES || !isAscii(plain) ? shortened(plain) : plain,
    type: TYPE[entry.kind],
    mode,
    uid,
    gid,
    size: stored,
    mtime,
    linkName: entry.target === undefined ? new Uint8Array(0) : shortened(entry.target),
  });
  if (records.length === 0) return concatBytes(header, map);
  const body = encodeRecords(records);
  const extended = ustar({
    name: shortened(concatBytes(utf8('PaxHeaders/'), shortened(plain).subarray(-80))),
    type: 'x',
    mode: 0o644,
    uid: 0,
    gid: 0,
    size: body.byteLength,
    mtime,
    linkName: new Uint8Array(0),
  });
  const filling = new Uint8Array(roundUp(body.byteLength) - body.byteLength);
  return concatBytes(extended, body, filling, header, map);
}
