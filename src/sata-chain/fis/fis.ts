/** Registers that both Register FISes carry. */
interface Registers {
  /** 48 bits. */
  readonly lba: number;
  readonly device: number;
  /** 16 bits. */
  readonly count: number;
}

/** Port multiplier port, 4 bits; 0 without a multiplier. */
interface Routed {
  readonly port: number;
}

/** 27h. With `command` false it carries the device control register, for SRST. */
export interface RegisterH2D extends Registers, Routed {
  readonly type: 'register-h2d';
  readonly isCommand: boolean;
  readonly command: number;
  /** 16 bits. */
  readonly features: number;
  /** Isochronous command completion. */
  readonly icc: number;
  readonly control: number;
  /** 32 bits. */
  readonly auxiliary: number;
}

/** 34h. `echo` is the last Dword, reserved in SATA: a Nightshift device answers there with the auxiliary of an SRST. */
export interface RegisterD2H extends Registers, Routed {
  readonly type: 'register-d2h';
  readonly interrupt: boolean;
  readonly status: number;
  readonly error: number;
  readonly echo: number;
}

/** A1h. `status` holds bits 6:4 and 2:0 only. `active`: for native queuing a bit for each tag that is done. */
export interface SetDeviceBits extends Routed {
  readonly type: 'set-device-bits';
  readonly interrupt: boolean;
  readonly notification: boolean;
  readonly status: number;
  readonly error: number;
  /** 32 bits. */
  readonly active: number;
}

/** 39h. */
export interface DmaActivate extends Routed {
  readonly type: 'dma-activate';
}

/** 41h, first party DMA: which buffer, from which byte, how many bytes. */
export interface DmaSetup extends Routed {
  readonly type: 'dma-setup';
  /** Device to host. */
  readonly toHost: boolean;
  readonly interrupt: boolean;
  readonly autoActivate: boolean;
  /** The tag, in native queuing: low and high Dword of the buffer identifier. */
  readonly bufferLow: number;
  readonly bufferHigh: number;
  /** Bytes, whole Dwords. */
  readonly offset: number;
  /** Bytes, even. */
  readonly count: number;
}

/** 46h, both ways: whole Dwords, 4 to 8192 bytes. */
export interface Data extends Routed {
  readonly type: 'data';
  readonly payload: Uint8Array;
}

/** 5Fh, before a data block by programmed input or output. */
export interface PioSetup extends Registers, Routed {
  readonly type: 'pio-setup';
  readonly toHost: boolean;
  readonly interrupt: boolean;
  readonly status: number;
  readonly error: number;
  /** The status register after the block. */
  readonly endStatus: number;
  /** Bytes, even. */
  readonly transferCount: number;
}

/** 58h: known, and answered by nothing. */
export interface BistActivate extends Routed {
  readonly type: 'bist-activate';
}

/** A frame information structure (SATA 3.0 chapter 10). */
export type Fis =
  | RegisterH2D
  | RegisterD2H
  | SetDeviceBits
  | DmaActivate
  | DmaSetup
  | Data
  | PioSetup
  | BistActivate;

export const FIS_TYPE = {
  registerH2D: 0x27,
  registerD2H: 0x34,
  dmaActivate: 0x39,
  dmaSetup: 0x41,
  data: 0x46,
  bistActivate: 0x58,
  pioSetup: 0x5f,
  setDeviceBits: 0xa1,
} as const;

/** Bytes in the payload of one Data FIS. */
export const MOST_DATA = 8192;

/** Bits of the ATA status register. */
export const STATUS = { error: 0x01, dataRequest: 0x08, deviceFault: 0x20, ready: 0x40, busy: 0x80 } as const;
/** Bit of the device control register. */
export const SOFT_RESET = 0x04;
/** Device register: LBA addressing; in native queuing and with FUA bit 7. */
export const DEVICE = { lba: 0x40, fua: 0x80 } as const;
