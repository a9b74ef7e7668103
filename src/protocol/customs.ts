import { allow, fromUtf8, refuse, type Verdict } from '../base/index.ts';
import { decode, MAX_DEPTH } from './cbor.ts';

/** What an inspected item may hold. */
export interface CustomsRules {
  /** Arrays and maps within each other. */
  readonly maxDepth: number;
  /** Items of every kind, keys too. */
  readonly maxItems: number;
  readonly maxMapKeys: number;
  /** Tags allowed on the outermost item; nowhere else is any. */
  readonly tags: readonly number[];
  /** Kinds of map keys: text only, or text and integers. */
  readonly keys: 'text' | 'labels';
}

const DEFAULTS: CustomsRules = {
  maxDepth: MAX_DEPTH,
  maxItems: 32_768,
  maxMapKeys: 256,
  tags: [],
  keys: 'text',
};

const MAJOR = { unsigned: 0, negative: 1, bytes: 2, text: 3, array: 4, map: 5, tag: 6 } as const;
/** 2^53 as its two halves: the first unsigned argument that is no longer exact. */
const UNSAFE_HIGH = 0x20_0000;

/** A defect is thrown inside this file only, and caught by inspect. */
class Defect extends Error {}

/** Encoded keys seen so far in a map. With shortest form enforced, equal keys have equal bytes. */
interface Keys {
  /** Where the first few begin and end: looking at them again is cheaper than a set of strings. */
  readonly few: number[];
  many: Set<string> | undefined;
}

const FEW_KEYS = 24;

interface Open {
  left: number;
  /** For a map. */
  readonly keys: Keys | undefined;
}

const PROTO_KEY = '\x69__proto__';

class Inspection {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: CustomsRules;
  readonly #open: Open[] = [];
  #at = 0;
  #items = 0;

  constructor(bytes: Uint8Array, rules: CustomsRules) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
  }

  run(): void {
    this.#tag();
    this.#item();
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      if (top.left === 0) {
        this.#open.pop();
        continue;
      }
      top.left -= 1;
      if (top.keys !== undefined && top.left % 2 === 1) this.#key(top.keys);
      else this.#item();
    }
    if (this.#at !== this.#bytes.byteLength) this.#fail('bytes after the end', this.#at);
  }

  #fail(what: string, at: number): never {
    throw new Defect(`${what} at byte ${at}`);
  }

  #need(count: number, at: number): void {
    if (count > this.#bytes.byteLength - this.#at) this.#fail('an item longer than the input', at);
  }

  /** Reads an item's first byte and its argument, which must be in shortest form. */
  #argument(info: number, at: number): number {
    if (info < 24) return info;
    if (info > 27) this.#fail(info === 31 ? 'an indefinite length' : 'a reserved length form', at);
    const size = 1 << (info - 24);
    this.#need(size, at);
    const from = this.#at;
    this.#at += size;
    if (size === 1) return this.#shortest(this.#view.getUint8(from), 24, at);
    if (size === 2) return this.#shortest(this.#view.getUint16(from), 0x100, at);
    if (size === 4) return this.#shortest(this.#view.getUint32(from), 0x1_0000, at);
    const high = this.#shortest(this.#view.getUint32(from), 1, at);
    if (high >= UNSAFE_HIGH) this.#fail('a number past 2^53-1', at);
    return high * 0x1_0000_0000 + this.#view.getUint32(from + 4);
  }

  #shortest(value: number, least: number, at: number): number {
    if (value < least) this.#fail('a number or length not in shortest form', at);
    return value;
  }

  #tag(): void {
    const first = this.#bytes[0];
    if (first === undefined || first >> 5 !== MAJOR.tag) return;
    this.#at = 1;
    const tag = this.#argument(first & 31, 0);
    if (!this.#rules.tags.includes(tag)) this.#fail(`tag ${tag}`, 0);
  }

  #head(at: number): { major: number; argument: number } {
    this.#items += 1;
    if (this.#items > this.#rules.maxItems) this.#fail(`more than ${this.#rules.maxItems} items`, at);
    const first = this.#bytes[at];
    if (first === undefined) this.#fail('the end of the input inside an item', at);
    this.#at = at + 1;
    const major = first >> 5;
    if (major > MAJOR.tag) {
      if (first < 0xf4 || first > 0xf6) this.#fail('a float, undefined, break or simple value', at);
      return { major, argument: 0 };
    }
    const argument = this.#argument(first & 31, at);
    if (major === MAJOR.negative && argument === Number.MAX_SAFE_INTEGER) {
      this.#fail('a number past 2^53-1', at);
    }
    return { major, argument };
  }

  #item(): void {
    const at = this.#at;
    const { major, argument } = this.#head(at);
    if (major === MAJOR.bytes) this.#skip(argument, at);
    else if (major === MAJOR.text) this.#text(argument, at);
    else if (major === MAJOR.array) this.#enter(argument, undefined, at);
    else if (major === MAJOR.map) {
      if (argument > this.#rules.maxMapKeys) this.#fail(`more than ${this.#rules.maxMapKeys} map keys`, at);
      this.#enter(argument * 2, { few: [], many: undefined }, at);
    } else if (major === MAJOR.tag) this.#fail(`tag ${argument} inside an item`, at);
  }

  #enter(children: number, keys: Keys | undefined, at: number): void {
    if (this.#open.length >= this.#rules.maxDepth) {
      this.#fail(`nesting deeper than ${this.#rules.maxDepth}`, at);
    }
    this.#need(children, at);
    this.#open.push({ left: children, keys });
  }

  #skip(length: number, at: number): Uint8Array {
    this.#need(length, at);
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  #text(length: number, at: number): void {
    const content = this.#skip(length, at);
    for (let i = 0; i < content.byteLength; i += 1) {
      if ((content[i] as number) >= 0x80) {
        if (fromUtf8(content) === undefined) this.#fail('text that is not UTF-8', at);
        return;
      }
    }
  }

  #key(seen: Keys): void {
    const at = this.#at;
    const { major, argument } = this.#head(at);
    if (major === MAJOR.text) this.#text(argument, at);
    else if (this.#rules.keys === 'text' || major > MAJOR.negative) {
      this.#fail('a map key of the wrong type', at);
    }
    if (this.#seenBefore(seen, at, this.#at)) this.#fail('a map key for the second time', at);
    // An object cannot hold this key faithfully.
    if (this.#bytes[at] === 0x69 && this.#latin1(at, this.#at) === PROTO_KEY)
      this.#fail('the map key "__proto__"', at);
  }

  #seenBefore(seen: Keys, from: number, to: number): boolean {
    const { few } = seen;
    if (seen.many === undefined && few.length < FEW_KEYS * 2) {
      for (let i = 0; i < few.length; i += 2) {
        if (this.#sameBytes(few[i]!, few[i + 1]!, from, to)) return true;
      }
      few.push(from, to);
      return false;
    }
    if (seen.many === undefined) {
      seen.many = new Set();
      for (let i = 0; i < few.length; i += 2) seen.many.add(this.#latin1(few[i]!, few[i + 1]!));
    }
    const key = this.#latin1(from, to);
    if (seen.many.has(key)) return true;
    seen.many.add(key);
    return false;
  }

  #sameBytes(from: number, to: number, otherFrom: number, otherTo: number): boolean {
    if (to - from !== otherTo - otherFrom) return false;
    for (let i = 0; i < to - from; i += 1) {
      if (this.#bytes[from + i] !== this.#bytes[otherFrom + i]) return false;
    }
    return true;
  }

  #latin1(from: number, to: number): string {
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, to - from).toString('latin1');
  }
}

/**
 * Judges bytes before any decoder sees them: one CBOR item (RFC 8949), definite lengths, shortest form, bounded depth and
 * count, strict UTF-8, no duplicate keys, no floats, no tags but those allowed outermost. Time and memory are linear
 * in the input. Refuses with CBOR_INVALID, naming the first defect and its offset.
 */
export function inspect(bytes: Uint8Array, rules: Partial<CustomsRules> = {}): Verdict<void> {
  try {
    new Inspection(bytes, { ...DEFAULTS, ...rules }).run();
    return allow(undefined);
  } catch (error) {
    if (error instanceof Defect) return refuse('CBOR_INVALID', `The packet has ${error.message}.`);
    throw error;
  }
}

/** Inspects, then decodes: the way in for all that comes from outside. */
export function readCbor(bytes: Uint8Array, rules: Partial<CustomsRules> = {}): Verdict<unknown> {
  const verdict = inspect(bytes, rules);
  return verdict.ok ? allow(decode(bytes)) : verdict;
}
