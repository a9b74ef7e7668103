/** What ends a frame, and what makes the byte behind it plain again (OpenIPMI's VM protocol). */
const END = { message: 0xa0, control: 0xa1 } as const;
const ESCAPE = 0xaa;
/** Set in an escaped byte: A0h, A1h and AAh travel as AAh and B0h, B1h, BAh. */
const ESCAPED = 0x10;

/** QEMU takes messages of up to 300 bytes; what is longer is no message. */
export const LONGEST_VM_FRAME = 512;

/** What the bytes since the last terminator were. */
export type VmFrame =
  /** An IPMI message: sequence, netFn and LUN, command, data, checksum. */
  | { readonly is: 'message'; readonly bytes: Uint8Array }
  /** Word between the BMC and the machine itself: a code and its argument. */
  | { readonly is: 'control'; readonly bytes: Uint8Array }
  | { readonly is: 'damaged'; readonly why: 'too long' | 'bad escape' };

const needsEscape = (byte: number): boolean =>
  byte === END.message || byte === END.control || byte === ESCAPE;

/** The bytes on the wire for one frame, its terminator included. */
export function encodeVmFrame(is: 'message' | 'control', bytes: Uint8Array): Uint8Array {
  const out: number[] = [];
  for (const byte of bytes) {
    if (needsEscape(byte)) out.push(ESCAPE, byte | ESCAPED);
    else out.push(byte);
  }
  out.push(END[is]);
  return Uint8Array.from(out);
}

/**
 * Cuts a byte stream into frames. Takes whatever bytes there are and throws nothing; after damage it is in step again at
 * the next terminator. Holds one frame at most.
 */
export class VmFrameReader {
  readonly #frame = new Uint8Array(LONGEST_VM_FRAME);
  #length = 0;
  #escaping = false;
  #damage: Extract<VmFrame, { is: 'damaged' }>['why'] | undefined;

  /** The frames that these bytes complete. A terminator with nothing before it is none. */
  push(bytes: Uint8Array): VmFrame[] {
    const frames: VmFrame[] = [];
    for (const byte of bytes) {
      if (byte === END.message || byte === END.control) {
        const frame = this.#end(byte === END.message ? 'message' : 'control');
        if (frame !== undefined) frames.push(frame);
      } else this.#take(byte);
    }
    return frames;
  }

  #take(byte: number): void {
    if (byte === ESCAPE && !this.#escaping) {
      this.#escaping = true;
      return;
    }
    const plain = this.#escaping ? byte & ~ESCAPED : byte;
    if (this.#escaping && !needsEscape(plain)) this.#damage ??= 'bad escape';
    this.#escaping = false;
    if (this.#length === LONGEST_VM_FRAME) this.#damage ??= 'too long';
    else this.#frame[this.#length++] = plain;
  }

  #end(is: 'message' | 'control'): VmFrame | undefined {
    const damage = this.#damage ?? (this.#escaping ? 'bad escape' : undefined);
    const bytes = this.#frame.slice(0, this.#length);
    this.#length = 0;
    this.#escaping = false;
    this.#damage = undefined;
    if (damage !== undefined) return { is: 'damaged', why: damage };
    return bytes.byteLength === 0 ? undefined : { is, bytes };
  }
}
