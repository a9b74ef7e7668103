import { ByteView, fromUtf8, NsError } from '../../base/index.ts';
import {
  type BlockSizes,
  encodeInfoRequest,
  encodeMetaContextRequest,
  encodeOption,
} from './option-codec.ts';
import type { SocketStream } from './socket-stream.ts';
import {
  BASE_ALLOCATION,
  EXPORT_FLAG,
  GREETING_MAGIC,
  GREETING_SIZE,
  HANDSHAKE,
  INFO,
  LARGEST_PAYLOAD,
  OPTION,
  OPTION_MAGIC,
  OPTION_REPLY_MAGIC,
  OPTION_REPLY_SIZE,
  REPLY,
} from './wire.ts';

/** What a server told of its export. */
export interface RemoteExport {
  readonly stream: SocketStream;
  /** Bytes. */
  readonly size: number;
  readonly flags: number;
  readonly blockSizes: BlockSizes;
  readonly structured: boolean;
  /** The number of base:allocation in block status replies, where it was agreed. */
  readonly allocationId: number | undefined;
}

/** Content of one reply that is longer than this is not read, and so many replies to one option are not waited for. */
const LONGEST_REPLY = 64 * 1024;
const MOST_REPLIES = 64;
const LARGEST_MINIMUM = 64 * 1024;

export function protocolFault(sentence: string): NsError {
  return new NsError('NS_NBD_PROTOCOL', `the NBD server ${sentence}`, { family: 'peer' });
}

/** Agrees on an export with a server. NS_NBD_REFUSED where it says no, NS_NBD_PROTOCOL where it speaks nonsense. */
export async function chooseExport(
  first: SocketStream,
  name: string,
  secure: ((stream: SocketStream) => Promise<SocketStream>) | undefined,
): Promise<RemoteExport> {
  const greeting = new ByteView(await must(first, GREETING_SIZE));
  if (greeting.u64be(0) !== GREETING_MAGIC) throw protocolFault('does not greet as one');
  if (greeting.u64be(8) !== OPTION_MAGIC || (greeting.u16be(16) & HANDSHAKE.fixedNewstyle) === 0) {
    throw protocolFault('speaks an old form of the protocol');
  }
  const flags = greeting.u16be(16) & (HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes);
  await first.send(Uint8Array.of(0, 0, 0, flags));
  const stream = secure === undefined ? first : await secureBy(first, secure);
  const structured = (await ask(stream, OPTION.structuredReply)).isAgreed;
  let allocationId: number | undefined;
  if (structured) {
    const wanted = encodeMetaContextRequest(name, [BASE_ALLOCATION]);
    const { isAgreed, contents } = await ask(stream, OPTION.setMetaContext, wanted);
    const context = contents.find(({ type }) => type === REPLY.metaContext)?.data;
    if (isAgreed && context !== undefined && fromUtf8(context.subarray(4)) === BASE_ALLOCATION) {
      allocationId = new ByteView(context).u32be(0);
    }
  }
  const go = await ask(stream, OPTION.go, encodeInfoRequest(name, [INFO.blockSize]));
  if (go.end === REPLY.unsupported) {
    return await chooseByName(stream, name, flags, structured, allocationId);
  }
  if (!go.isAgreed) throw refused(go.end, name, go.text);
  let about: { size: number; flags: number } | undefined;
  let blockSizes = DEFAULT_SIZES;
  for (const { type, data } of go.contents) {
    if (type !== REPLY.info || data.byteLength < 2) continue;
    const view = new ByteView(data, 'an NBD information');
    if (view.u16be(0) === INFO.export) about = readAbout(view, 2);
    if (view.u16be(0) === INFO.blockSize) blockSizes = readBlockSizes(view);
  }
  if (about === undefined) throw protocolFault('offers an export without a size');
  if (about.size % blockSizes.minimum !== 0)
    throw protocolFault('offers an export that is no whole number of blocks');
  return { stream, ...about, blockSizes, structured, allocationId };
}

const DEFAULT_SIZES: BlockSizes = { minimum: 1, preferred: 4096, maximum: LARGEST_PAYLOAD };

async function chooseByName(
  stream: SocketStream,
  name: string,
  flags: number,
  structured: boolean,
  allocationId: number | undefined,
): Promise<RemoteExport> {
  await stream.send(encodeOption(OPTION.exportName, Buffer.from(name)));
  const padding = (flags & HANDSHAKE.noZeroes) === 0 ? 124 : 0;
  const bytes = await stream.take(10 + padding);
  // A server that does not know the name has no other way to say so.
  if (bytes === undefined) throw refused(REPLY.unknown, name, '');
  const about = readAbout(new ByteView(bytes), 0);
  return { stream, ...about, blockSizes: DEFAULT_SIZES, structured, allocationId };
}

function readAbout(view: ByteView, at: number): { size: number; flags: number } {
  const size = view.u64be(at);
  const flags = view.u16be(at + 8);
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new NsError('NS_BLOCK_TOO_LARGE', 'the NBD export is larger than 2^53-1 bytes', { family: 'peer' });
  }
  return { size: Number(size), flags: (flags & EXPORT_FLAG.hasFlags) === 0 ? 0 : flags };
}

function readBlockSizes(view: ByteView): BlockSizes {
  const minimum = view.u32be(2);
  const preferred = view.u32be(6);
  const maximum = Math.min(view.u32be(10), LARGEST_PAYLOAD);
  const isPower = minimum > 0 && (minimum & (minimum - 1)) === 0;
  if (!isPower || minimum > LARGEST_MINIMUM || maximum < minimum) {
    throw protocolFault(`asks for blocks of ${minimum} to ${maximum} bytes`);
  }
  return { minimum, preferred, maximum: maximum - (maximum % minimum) };
}

async function secureBy(
  stream: SocketStream,
  secure: (stream: SocketStream) => Promise<SocketStream>,
): Promise<SocketStream> {
  const { isAgreed, end, text } = await ask(stream, OPTION.startTls);
  if (!isAgreed) throw refused(end, 'TLS', text);
  // Bytes in the clear behind the agreement would count as if they had come through TLS.
  if (stream.isAhead) throw protocolFault('goes on in the clear after it agreed on TLS');
  return secure(stream);
}

interface Answer {
  readonly isAgreed: boolean;
  /** The type of the reply that ended the answer. */
  readonly end: number;
  /** What the server says of an error, for people. */
  readonly text: string;
  readonly contents: readonly { readonly type: number; readonly data: Buffer }[];
}

async function ask(stream: SocketStream, option: number, data?: Uint8Array): Promise<Answer> {
  await stream.send(encodeOption(option, data));
  const contents: { type: number; data: Buffer }[] = [];
  for (let count = 0; count < MOST_REPLIES; count += 1) {
    const header = new ByteView(await must(stream, OPTION_REPLY_SIZE));
    if (header.u64be(0) !== OPTION_REPLY_MAGIC) throw protocolFault('answers an option with something else');
    if (header.u32be(8) !== option) throw protocolFault('answers an option that was not asked');
    const type = header.u32be(12);
    const length = header.u32be(16);
    if (length > LONGEST_REPLY) throw protocolFault(`answers an option with ${length} bytes`);
    const content = await must(stream, length);
    if (type === REPLY.ack) return { isAgreed: true, end: type, text: '', contents };
    if (type >= 0x80000000) return { isAgreed: false, end: type, text: plainText(content), contents };
    contents.push({ type, data: content });
  }
  throw protocolFault('answers an option without an end');
}

async function must(stream: SocketStream, size: number): Promise<Buffer> {
  const bytes = await stream.take(size);
  if (bytes === undefined) {
    throw new NsError('NS_NBD_CONNECT', 'the NBD server ended the connection before it offered an export');
  }
  return bytes;
}

/** Printable ASCII alone: it is shown to people. */
function plainText(bytes: Uint8Array): string {
  return Buffer.from(bytes.subarray(0, 200))
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '?');
}

function refused(type: number, name: string, text: string): NsError {
  const reasons: Readonly<Record<number, string>> = {
    [REPLY.unknown]: `it has no export "${name}"`,
    [REPLY.tlsRequired]: 'it wants TLS',
    [REPLY.policy]: 'it does not allow that',
    [REPLY.shutdown]: 'it is not ready',
    [REPLY.unsupported]: 'it cannot do that',
  };
  const reason = reasons[type] ?? `error ${(type % 0x80000000).toString()}`;
  return new NsError(
    'NS_NBD_REFUSED',
    `the NBD server refuses: ${reason}${text === '' ? '' : ` (${text})`}`,
    {
      family: 'peer',
    },
  );
}
