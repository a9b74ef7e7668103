import { ByteView, equalBytes, utf8 } from '../../base/index.ts';
import type { SocketStream } from './socket-stream.ts';
import {
  decodeInfoRequest,
  encodeExport,
  encodeGreeting,
  encodeOptionReply,
  HANDSHAKE,
  INFO,
  LARGEST_PAYLOAD,
  LONGEST_OPTION,
  OPTION,
  OPTION_HEADER_SIZE,
  OPTION_MAGIC,
  REPLY,
} from './wire.ts';

/** What is on offer. */
export interface Export {
  readonly name: string;
  readonly size: number;
  readonly flags: number;
}

/** A client that haggles longer than this is not one of ours. */
const MOST_OPTIONS = 64;

/**
 * Haggles options with a client. True where it chose the export and may send requests; false where the connection is
 * to be closed.
 */
export async function shakeHands(stream: SocketStream, offered: Export): Promise<boolean> {
  await stream.send(encodeGreeting());
  const flags = await stream.take(4);
  if (flags === undefined) return false;
  const clientFlags = new ByteView(flags).u32be(0);
  if ((clientFlags & ~(HANDSHAKE.fixedNewstyle | HANDSHAKE.noZeroes)) !== 0) return false;
  for (let count = 0; count < MOST_OPTIONS; count += 1) {
    const header = await stream.take(OPTION_HEADER_SIZE);
    if (header === undefined) return false;
    const view = new ByteView(header);
    if (view.u64be(0) !== OPTION_MAGIC) return false;
    const option = view.u32be(8);
    const length = view.u32be(12);
    if (length > LONGEST_OPTION) {
      await stream.send(encodeOptionReply(option, REPLY.tooBig));
      return false;
    }
    const data = await stream.take(length);
    if (data === undefined) return false;
    if (option === OPTION.exportName) {
      if (!isName(data, offered)) return false;
      const zeroes = (clientFlags & HANDSHAKE.noZeroes) === 0 ? 124 : 0;
      await stream.send(encodeExport(offered.size, offered.flags), new Uint8Array(zeroes));
      return true;
    }
    const next = await answer(stream, offered, option, data);
    if (next !== 'again') return next === 'go';
  }
  return false;
}

async function answer(
  stream: SocketStream,
  offered: Export,
  option: number,
  data: Uint8Array,
): Promise<'again' | 'go' | 'close'> {
  const reply = (type: number, content?: Uint8Array): Promise<void> =>
    stream.send(encodeOptionReply(option, type, content));
  switch (option) {
    case OPTION.abort:
      await reply(REPLY.ack);
      return 'close';
    case OPTION.list: {
      if (data.byteLength !== 0) {
        await reply(REPLY.invalid);
        return 'again';
      }
      const name = utf8(offered.name);
      const entry = Buffer.alloc(4 + name.byteLength);
      entry.writeUInt32BE(name.byteLength, 0);
      entry.set(name, 4);
      await reply(REPLY.server, entry);
      await reply(REPLY.ack);
      return 'again';
    }
    case OPTION.info:
    case OPTION.go: {
      const asked = decodeInfoRequest(data);
      if (asked === undefined) {
        await reply(REPLY.invalid);
        return 'again';
      }
      if (!isName(utf8(asked.name), offered)) {
        await reply(REPLY.unknown);
        return 'again';
      }
      await reply(REPLY.info, Buffer.concat([u16(INFO.export), encodeExport(offered.size, offered.flags)]));
      if (asked.wanted.includes(INFO.blockSize)) await reply(REPLY.info, blockSizes());
      await reply(REPLY.ack);
      return option === OPTION.go ? 'go' : 'again';
    }
    default:
      await reply(REPLY.unsupported);
      return 'again';
  }
}

/** The empty name stands for the default export, which is the only one. */
function isName(name: Uint8Array, offered: Export): boolean {
  return name.byteLength === 0 || equalBytes(name, utf8(offered.name));
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value, 0);
  return bytes;
}

/** Smallest, preferred and largest request. */
function blockSizes(): Buffer {
  const bytes = Buffer.alloc(14);
  bytes.writeUInt16BE(INFO.blockSize, 0);
  bytes.writeUInt32BE(1, 2);
  bytes.writeUInt32BE(4096, 6);
  bytes.writeUInt32BE(LARGEST_PAYLOAD, 10);
  return bytes;
}
