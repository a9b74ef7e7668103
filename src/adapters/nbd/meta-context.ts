import { utf8 } from '../../base/index.ts';
import { decodeMetaContextRequest } from './option-codec.ts';
import { BASE_ALLOCATION, OPTION, REPLY } from './wire.ts';

/** The number by which block status replies name the context. */
export const ALLOCATION_ID = 1;

export interface MetaContextAnswer {
  /** Content of a META_CONTEXT reply, where there is one to give. */
  readonly context?: Uint8Array;
  /** The reply that ends the answer. */
  readonly end: number;
  /** The export, as the client spells it, for which block status is agreed from now on. */
  readonly allocationOf: string | undefined;
}

/** Answers LIST_META_CONTEXT and SET_META_CONTEXT: base:allocation is the only context there is. */
export function agreeMetaContext(
  option: number,
  data: Uint8Array,
  structured: boolean,
  isExport: (name: string) => boolean,
): MetaContextAnswer {
  const asked = decodeMetaContextRequest(data);
  if (asked === undefined || !structured) return { end: REPLY.invalid, allocationOf: undefined };
  if (!isExport(asked.name)) return { end: REPLY.unknown, allocationOf: undefined };
  const isList = option === OPTION.listMetaContext;
  const wanted =
    asked.queries.includes(BASE_ALLOCATION) ||
    (isList && (asked.queries.length === 0 || asked.queries.includes('base:')));
  if (!wanted) return { end: REPLY.ack, allocationOf: undefined };
  const name = utf8(BASE_ALLOCATION);
  const context = Buffer.alloc(4 + name.byteLength);
  // In a list the number means nothing and is 0.
  context.writeUInt32BE(isList ? 0 : ALLOCATION_ID, 0);
  context.set(name, 4);
  return { context, end: REPLY.ack, allocationOf: asked.name };
}
