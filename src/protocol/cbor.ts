import { Encoder } from 'cbor-x/encode';
import { NsError } from '../base/index.ts';

/**
 * The CBOR of this protocol: whole numbers within ±(2^53-1), byte strings, text, arrays, maps, false, true and null; in
 * shortest form, of definite length, without tags. What encode emits always passes customs (inspect); decode is for
 * bytes that have passed customs, or that we wrote ourselves.
 */

/** As deep as a message may be nested. */
export const MAX_DEPTH = 16;

const shared = {
  useRecords: false,
  variableMapSize: true,
  tagUint8Array: false,
  useTag259ForMaps: false,
  copyBuffers: false,
} as const;
const objectCoder = new Encoder({ ...shared, mapsAsObjects: true });
const mapCoder = new Encoder({ ...shared, mapsAsObjects: false });

const LONE_SURROGATE = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/;
const LONE_SURROGATES = new RegExp(LONE_SURROGATE, 'g');

function unencodable(what: string): NsError {
  return new NsError('NS_CBOR_UNENCODABLE', `${what} cannot be put in a message`, { family: 'caller' });
}

function key(name: string): string {
  if (name === '__proto__' || LONE_SURROGATE.test(name)) throw unencodable(`the key ${JSON.stringify(name)}`);
  return name;
}

/** cbor-x writes a number past 32 bits as a float, but a bigint always as a 64-bit integer: here its shortest form. */
function number(value: number): number | bigint {
  if (!Number.isSafeInteger(value)) throw unencodable(`the number ${value}`);
  return value > 0xffff_ffff || value < -0x1_0000_0000 ? BigInt(value) : value;
}

function mapForm(value: Map<unknown, unknown>, depth: number): Map<unknown, unknown> {
  const out = new Map<unknown, unknown>();
  for (const [label, item] of value) {
    if (typeof label === 'string') out.set(key(label), wireForm(item, depth + 1));
    else if (typeof label === 'number') out.set(number(label), wireForm(item, depth + 1));
    else throw unencodable(`a map key of type ${typeof label}`);
  }
  return out;
}

function objectForm(value: object, depth: number): Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw unencodable(`an object of class ${value.constructor?.name ?? 'unknown'}`);
  }
  const fields = value as Record<string, unknown>;
  const names = Object.keys(fields);
  // Most objects can go as they are; a copy is made from the first field on that cannot.
  let out: Record<string, unknown> | undefined = prototype === null ? {} : undefined;
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i]!;
    const item = fields[name];
    const form = item === undefined ? undefined : wireForm(item, depth + 1);
    if (out === undefined && (item === undefined || form !== item)) {
      out = {};
      for (let j = 0; j < i; j += 1) out[names[j]!] = fields[names[j]!];
    }
    if (item === undefined) continue;
    key(name);
    if (out !== undefined) out[name] = form;
  }
  return out ?? fields;
}

function wireForm(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return LONE_SURROGATE.test(value) ? value.replace(LONE_SURROGATES, '\uFFFD') : value;
    case 'number':
      return number(value);
    case 'bigint':
      return number(Number(value));
    case 'boolean':
      return value;
    case 'object': {
      if (value === null || value instanceof Uint8Array) return value;
      if (depth >= MAX_DEPTH) throw unencodable(`anything nested deeper than ${MAX_DEPTH}`);
      if (Array.isArray(value)) return value.map((item: unknown) => wireForm(item, depth + 1));
      return value instanceof Map ? mapForm(value, depth) : objectForm(value, depth);
    }
    default:
      throw unencodable(`a value of type ${typeof value}`);
  }
}

/**
 * Keys whose value is undefined are left out; lone surrogates in text become U+FFFD. NS_CBOR_UNENCODABLE (family
 * caller) for what the protocol has no form for: fractions, numbers past 2^53-1, class instances, a "__proto__" key.
 */
export function encode(value: unknown): Uint8Array {
  const bytes = objectCoder.encode(wireForm(value, 0));
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Puts the 64-bit integers, which cbor-x gives as bigint, back into numbers. */
function plainForm(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const plain = Number(value);
    if (!Number.isSafeInteger(plain)) throw new RangeError('an integer past 2^53-1');
    return plain;
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) value[i] = plainForm(value[i]);
    return value;
  }
  if (value instanceof Map) {
    return new Map(Array.from(value, ([label, item]) => [plainForm(label), plainForm(item)]));
  }
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields)) {
    const item = fields[name];
    if (typeof item === 'object' || typeof item === 'bigint') fields[name] = plainForm(item);
  }
  return fields;
}

function decodeWith(coder: Encoder, bytes: Uint8Array): unknown {
  try {
    // A view of our own: cbor-x marks the array that it is given.
    return plainForm(coder.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  } catch (error) {
    throw new NsError('NS_CBOR_INVALID', 'bytes that are not CBOR', { family: 'peer', cause: error });
  }
}

/**
 * Maps become plain objects, byte strings become views of `bytes`. NS_CBOR_INVALID (family peer) where it is not CBOR.
 * For hostile bytes use readCbor, which inspects them first.
 */
export function decode(bytes: Uint8Array): unknown {
  return decodeWith(objectCoder, bytes);
}

/** Like decode, but maps become Map, so that integer labels stay apart from text ones. */
export function decodeLabelled(bytes: Uint8Array): unknown {
  return decodeWith(mapCoder, bytes);
}
