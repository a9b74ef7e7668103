import * as v from 'valibot';
import { NsError } from '../base/index.ts';
import { NAME, parseMessage } from '../protocol/index.ts';
import { type Armour, putArmour, takeArmour } from './armour.ts';

/** Signed packets of one kind, for one tenant. */
export interface Packets {
  readonly tenant: string;
  readonly packets: readonly Uint8Array[];
}

export interface PacketFileKind extends Omit<Armour, 'mostItems'> {
  /** What its CBOR map calls the packets. */
  readonly field: string;
  readonly mostPackets: number;
  /** Bytes. */
  readonly largestPacket: number;
}

/** CBOR items of a file beside its packets: the map, its keys, the version and the tenant. */
const OTHER_ITEMS = 14;

/** Packets of one kind as a file that goes from person to person. Whoever reads it throws the code of its kind, which says what is wrong. */
export class PacketFile {
  readonly #kind: PacketFileKind;
  readonly #armour: Armour;

  constructor(kind: PacketFileKind) {
    this.#kind = kind;
    this.#armour = { ...kind, mostItems: kind.mostPackets + OTHER_ITEMS };
  }

  encode({ tenant, packets }: Packets): string {
    return putArmour(this.#armour, { v: 1, tenant, [this.#kind.field]: packets });
  }

  decode(text: string): Packets {
    const { noun, field, mostPackets, largestPacket } = this.#kind;
    const packet = v.pipe(
      v.instance(Uint8Array),
      v.check(({ byteLength }) => byteLength <= largestPacket),
    );
    const packets = v.pipe(v.array(packet), v.minLength(1), v.maxLength(mostPackets));
    const head = { v: v.literal(1), tenant: v.pipe(v.string(), v.regex(NAME)) };
    const parsed = parseMessage(
      v.strictObject({ ...head, [field]: packets }),
      takeArmour(this.#armour, text),
    );
    if (!parsed.ok) throw this.unreadable(`the file holds no ${noun}: ${parsed.refusal.sentence}`);
    const map: Readonly<Record<string, unknown>> = parsed.value;
    return { tenant: parsed.value.tenant, packets: map[field] as readonly Uint8Array[] };
  }

  unreadable(why: string): NsError {
    return new NsError(this.#kind.code, why, { family: 'caller' });
  }
}
