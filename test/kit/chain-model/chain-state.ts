/** One cable between an upper (host) port and a lower (device) port, as far as the machines above the phys can tell. */
export interface LinkState {
  cut: boolean;
  /** The upper end: nothing seen, COMINIT seen, PhyRdy. */
  upper: 0 | 1 | 2;
  /** The lower end: PhyRdy. */
  lower: boolean;
  /** Under way to the upper end. */
  toUpper: Signal;
  toLower: Signal;
  /** The signature is under way. */
  signature: boolean;
  /** The lower end was ready and is no longer; the upper end may still get ready before it hears so. */
  late: boolean;
  /** The upper unit's IDENTIFY is not answered. */
  asking: boolean;
}

/** 0 nothing new, 1 silence, 2 COMINIT or COMRESET. */
export type Signal = 0 | 1 | 2;
export const SILENCE = 1;
export const BURST = 2;

/** A drive's bay: what is in it, and how far the unit's DDI is with it: 0 nothing, 1 PhyRdy, 2 signature heard. */
export interface BayState {
  drive: number;
  ddi: 0 | 1 | 2;
  toUpper: Signal;
}

export interface UnitState {
  power: boolean;
  /** Number of its PTTRSM state. */
  t: number;
  /** Number of the record in its memory. */
  durable: number;
  /** Lines that are told to run. */
  pti: boolean;
  pto: boolean;
  ddi: boolean;
}

export interface HostState {
  power: boolean;
  /** It waited long enough and looks again only at a COMINIT. */
  gaveUp: boolean;
  /** It was told of a change and may reset the link once on its own. */
  alarmed: boolean;
  /** Number of the list of drives that it takes for its disk; 0 for none. */
  disk: number;
}

export interface ChainState {
  units: UnitState[];
  /** links[0] leads to the host; links[i] from unit i - 1 to unit i. */
  links: LinkState[];
  bays: BayState[];
  host: HostState;
  /** Number of the list that the host had last. */
  had: number;
  /** An operator agreed to another membership since. */
  agreed: boolean;
  /** The management controller may have written what is not flushed. */
  unflushed: boolean;
  /** Disturbances that may still come before the chain is at rest. */
  left: number;
}

function bit(on: boolean, at: number): number {
  return on ? 1 << at : 0;
}

/** Equal text, equal state. */
export function encodeChain(s: ChainState): string {
  const codes: number[] = [];
  for (const u of s.units) {
    codes.push(u.t, u.durable | bit(u.power, 12) | bit(u.pti, 13) | bit(u.pto, 14) | bit(u.ddi, 15));
  }
  for (const l of s.links) {
    codes.push(
      bit(l.cut, 0) |
        (l.upper << 1) |
        bit(l.lower, 3) |
        (l.toUpper << 4) |
        (l.toLower << 6) |
        bit(l.signature, 8) |
        bit(l.asking, 9) |
        bit(l.late, 10),
    );
  }
  for (const b of s.bays) codes.push(b.drive | (b.ddi << 8) | (b.toUpper << 10));
  const { power, gaveUp, alarmed, disk } = s.host;
  codes.push(disk, s.had);
  codes.push(
    bit(power, 0) | bit(gaveUp, 1) | bit(alarmed, 2) | bit(s.agreed, 3) | bit(s.unflushed, 4) | (s.left << 5),
  );
  return String.fromCharCode(...codes);
}

export function decodeChain(key: string, count: number): ChainState {
  const units: UnitState[] = [];
  const links: LinkState[] = [];
  const bays: BayState[] = [];
  for (let i = 0; i < count; i += 1) {
    const code = key.charCodeAt(2 * i + 1);
    const link = key.charCodeAt(2 * count + i);
    const bay = key.charCodeAt(3 * count + i);
    units.push({
      t: key.charCodeAt(2 * i),
      durable: code & 0xfff,
      power: (code & 0x1000) !== 0,
      pti: (code & 0x2000) !== 0,
      pto: (code & 0x4000) !== 0,
      ddi: (code & 0x8000) !== 0,
    });
    links.push({
      cut: (link & 1) !== 0,
      upper: ((link >> 1) & 3) as 0 | 1 | 2,
      lower: (link & 8) !== 0,
      toUpper: ((link >> 4) & 3) as Signal,
      toLower: ((link >> 6) & 3) as Signal,
      signature: (link & 0x100) !== 0,
      asking: (link & 0x200) !== 0,
      late: (link & 0x400) !== 0,
    });
    bays.push({
      drive: bay & 0xff,
      ddi: ((bay >> 8) & 3) as 0 | 1 | 2,
      toUpper: ((bay >> 10) & 3) as Signal,
    });
  }
  const code = key.charCodeAt(4 * count + 2);
  return {
    units,
    links,
    bays,
    host: {
      power: (code & 1) !== 0,
      gaveUp: (code & 2) !== 0,
      alarmed: (code & 4) !== 0,
      disk: key.charCodeAt(4 * count),
    },
    had: key.charCodeAt(4 * count + 1),
    agreed: (code & 8) !== 0,
    unflushed: (code & 16) !== 0,
    left: code >> 5,
  };
}
