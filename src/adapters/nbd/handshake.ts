import { ByteView, concatBytes } from '../../base/index.ts';
import type { Offer } from './export-gate.ts';
import { agreeMetaContext } from './meta-context.ts';
import {
  type BlockSizes,
  decodeInfoRequest,
  encodeBlockSizes,
  encodeExport,
  encodeGreeting,
  encodeOptionReply,
  encodeText,
} from './option-codec.ts';
import type { SocketStream } from './socket-stream.ts';
import {
  EXPORT_FLAG,
  HANDSHAKE,
  INFO,
  LONGEST_OPTION,
  OPTION,
  OPTION_HEADER_SIZE,
  OPTION_MAGIC,
  REPLY,
} from './wire.ts';

/** What a server shows to whoever shakes hands. */
export interface Counter {
  readonly exportName: string;
  readonly blockSizes: BlockSizes;
  /** The offer at this moment, or why there is none. Waits a bounded time while the export is held back. */
  readonly ask: () => Promise<Offer | 'absent' | 'not-yet'>;
  /** Absent where the server does not speak TLS. Undefined where the two could not agree. */
  readonly secure?: (stream: SocketStream) => Promise<SocketStream | undefined>;
  readonly tlsRequired: boolean;
}

/** What client and server have agreed on; requests may follow. */
export interface Agreement {
  readonly stream: SocketStream;
  readonly offer: Offer;
  readonly structured: boolean;
  /** The client may ask for block status. */
  readonly allocation: boolean;
}

/** A client that haggles longer than this is not one of ours. */
const MOST_OPTIONS = 64;

interface Haggling {
  stream: SocketStream;
  secured: boolean;
  structured: boolean;
  /** The export for which block status was agreed. */
  allocationOf: string | undefined;
}

/** Haggles options with a client. Undefined where the connection is to be closed. */
export async function shakeHands(first: SocketStream, counter: Counter): Promise<Agreement | undefined> {
  await first.send(encodeGreeting());
  const flags = await first.take(4);
  if (flags === undefined) return undefined;
  const clientFlags = new ByteView(flags).u32be(0);
  if ((clientFlags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes)) !== 0) return undefined;
  const state: Haggling = { stream: first, secured: false, structured: false, allocationOf: undefined };
  for (let count = 0; count < MOST_OPTIONS; count += 1) {
    const header = await state.stream.take(OPTION_HEADER_SIZE);
    if (header === undefined) return undefined;
    const view = new ByteView(header);
    if (view.u64be(0) !== OPTION_MAGIC) return undefined;
    const option = view.u32be(8);
    const length = view.u32be(12);
    if (length > LONGEST_OPTION) {
      await state.stream.send(encodeOptionReply(option, REPLY.tooBig));
      return undefined;
    }
    const data = await state.stream.take(length);
    if (data === undefined) return undefined;
    const next =
      option === OPTION.exportName
        ? await chooseByName(state, counter, data, (clientFlags & HANDSHAKE.noZeroes) === 0)
        : await answer(state, counter, option, data);
    if (next === 'again') continue;
    return next === 'close' ? undefined : next;
  }
  return undefined;
}

type Next = 'again' | 'close' | Agreement;

/** EXPORT_NAME has no way to say no but to close. */
async function chooseByName(
  state: Haggling,
  counter: Counter,
  name: Uint8Array,
  withZeroes: boolean,
): Promise<Next> {
  if (counter.tlsRequired && !state.secured) return 'close';
  // Such a client never learns of a block size, so it could not keep to one.
  if (counter.blockSizes.minimum > 1) return 'close';
  const text = Buffer.from(name).toString('utf8');
  if (!isName(text, counter)) return 'close';
  const offer = await counter.ask();
  if (typeof offer === 'string') return 'close';
  await state.stream.send(
    encodeExport(sizeOf(offer, counter), exportFlags(offer, state.structured)),
    new Uint8Array(withZeroes ? 124 : 0),
  );
  return agreed(state, counter, offer, text);
}

async function answer(state: Haggling, counter: Counter, option: number, data: Uint8Array): Promise<Next> {
  const reply = (type: number, content?: Uint8Array): Promise<void> =>
    state.stream.send(encodeOptionReply(option, type, content));
  const again = async (type: number): Promise<'again'> => {
    await reply(type);
    return 'again';
  };
  if (option === OPTION.abort) {
    await reply(REPLY.ack);
    return 'close';
  }
  if (counter.tlsRequired && !state.secured && option !== OPTION.startTls) return again(REPLY.tlsRequired);
  switch (option) {
    case OPTION.startTls: {
      if (counter.secure === undefined) return again(REPLY.unsupported);
      if (data.byteLength !== 0 || state.secured) return again(REPLY.invalid);
      await reply(REPLY.ack);
      // What was sent in the clear behind the option must not count as if it had come through TLS.
      if (state.stream.isAhead) return 'close';
      const stream = await counter.secure(state.stream);
      if (stream === undefined) return 'close';
      // Nothing that was agreed before holds any longer: it may have come from somebody else.
      Object.assign(state, { stream, secured: true, structured: false, allocationOf: undefined });
      return 'again';
    }
    case OPTION.structuredReply:
      if (data.byteLength !== 0) return again(REPLY.invalid);
      state.structured = true;
      return again(REPLY.ack);
    case OPTION.listMetaContext:
    case OPTION.setMetaContext: {
      const found = agreeMetaContext(option, data, state.structured, (name) => isName(name, counter));
      if (option === OPTION.setMetaContext) state.allocationOf = found.allocationOf;
      if (found.context !== undefined) await reply(REPLY.metaContext, found.context);
      return again(found.end);
    }
    case OPTION.list: {
      if (data.byteLength !== 0) return again(REPLY.invalid);
      if (typeof (await counter.ask()) !== 'string') {
        await reply(REPLY.server, encodeText(counter.exportName));
      }
      return again(REPLY.ack);
    }
    case OPTION.info:
    case OPTION.go:
      return inform(state, counter, option, data);
    default:
      return again(REPLY.unsupported);
  }
}

async function inform(state: Haggling, counter: Counter, option: number, data: Uint8Array): Promise<Next> {
  const reply = (type: number, content?: Uint8Array): Promise<void> =>
    state.stream.send(encodeOptionReply(option, type, content));
  const refuse = async (type: number): Promise<'again'> => {
    await reply(type);
    return 'again';
  };
  const asked = decodeInfoRequest(data);
  if (asked === undefined) return refuse(REPLY.invalid);
  if (!isName(asked.name, counter)) return refuse(REPLY.unknown);
  const offer = await counter.ask();
  if (offer === 'absent') return refuse(REPLY.unknown);
  if (offer === 'not-yet') return refuse(REPLY.shutdown);
  const knowsBlocks = asked.wanted.includes(INFO.blockSize);
  if (option === OPTION.go && counter.blockSizes.minimum > 1 && !knowsBlocks) {
    return refuse(REPLY.blockSizeRequired);
  }
  const about = encodeExport(sizeOf(offer, counter), exportFlags(offer, state.structured));
  await reply(REPLY.info, concatBytes(Uint8Array.of(0, INFO.export), about));
  if (knowsBlocks) await reply(REPLY.info, encodeBlockSizes(counter.blockSizes));
  await reply(REPLY.ack);
  return option === OPTION.go ? agreed(state, counter, offer, asked.name) : 'again';
}

function agreed(state: Haggling, counter: Counter, offer: Offer, name: string): Agreement {
  const { stream, structured, allocationOf } = state;
  // A context agreed for another spelling of the name is for another export.
  const allocation = structured && allocationOf !== undefined && allocationOf === name;
  return { stream, offer, structured, allocation: allocation && isName(name, counter) };
}

/** The empty name stands for the default export, which is the only one. */
function isName(name: string, counter: Counter): boolean {
  return name === '' || name === counter.exportName;
}

/** Whole blocks alone: a client could not ask for the rest. */
function sizeOf(offer: Offer, counter: Counter): number {
  const { size } = offer.device.capabilities;
  return size - (size % counter.blockSizes.minimum);
}

function exportFlags(offer: Offer, structured: boolean): number {
  const { writable, trim } = offer.device.capabilities;
  return (
    EXPORT_FLAG.hasFlags |
    EXPORT_FLAG.flush |
    EXPORT_FLAG.fua |
    // A flush of the one device behind all connections covers what came through each of them.
    EXPORT_FLAG.multipleConnections |
    EXPORT_FLAG.cache |
    (structured ? EXPORT_FLAG.dontFragment : 0) |
    (writable ? EXPORT_FLAG.writeZeroes : EXPORT_FLAG.readOnly) |
    (trim && writable ? EXPORT_FLAG.trim : 0)
  );
}
