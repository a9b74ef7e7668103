import { NsError } from '../../base/index.ts';
import { FIS_TYPE, type Fis, MOST_DATA } from './fis.ts';

/**
 * Reads one FIS. Reserved fields are ignored; the payload of a Data FIS shares the bytes given. Throws NS_FIS where the
 * type is unknown, the length is not that of its type, or a length inside breaks its alignment; never anything else.
 */
export function decodeFis(bytes: Uint8Array): Fis {
  const { byteLength } = bytes;
  if (byteLength < 4) throw bad(`${byteLength} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, byteLength);
  const type = view.getUint8(0);
  const flags = view.getUint8(1);
  const port = flags & 0x0f;
  const interrupt = (flags & 0x40) !== 0;
  const toHost = (flags & 0x20) !== 0;
  const sized = (size: number): void => {
    if (byteLength !== size) throw bad(`${byteLength} bytes of type ${type.toString(16)}h`);
  };
  switch (type) {
    case FIS_TYPE.registerH2D:
      sized(20);
      return {
        type: 'register-h2d',
        port,
        isCommand: (flags & 0x80) !== 0,
        command: view.getUint8(2),
        features: view.getUint8(3) | (view.getUint8(11) << 8),
        ...registers(view),
        icc: view.getUint8(14),
        control: view.getUint8(15),
        auxiliary: view.getUint32(16, true),
      };
    case FIS_TYPE.registerD2H:
      sized(20);
      return {
        type: 'register-d2h',
        port,
        interrupt,
        status: view.getUint8(2),
        error: view.getUint8(3),
        ...registers(view),
        echo: view.getUint32(16, true),
      };
    case FIS_TYPE.setDeviceBits:
      sized(8);
      return {
        type: 'set-device-bits',
        port,
        interrupt,
        notification: (flags & 0x80) !== 0,
        status: view.getUint8(2) & 0x77,
        error: view.getUint8(3),
        active: view.getUint32(4, true),
      };
    case FIS_TYPE.dmaActivate:
      sized(4);
      return { type: 'dma-activate', port };
    case FIS_TYPE.dmaSetup: {
      sized(28);
      const offset = view.getUint32(16, true);
      const count = view.getUint32(20, true);
      if (offset % 4 !== 0 || count % 2 !== 0) throw bad(`DMA set up for ${count} bytes at ${offset}`);
      return {
        type: 'dma-setup',
        port,
        toHost,
        interrupt,
        autoActivate: (flags & 0x80) !== 0,
        bufferLow: view.getUint32(4, true),
        bufferHigh: view.getUint32(8, true),
        offset,
        count,
      };
    }
    case FIS_TYPE.data:
      if (byteLength < 8 || byteLength > 4 + MOST_DATA || byteLength % 4 !== 0) sized(0);
      return { type: 'data', port, payload: bytes.subarray(4) };
    case FIS_TYPE.pioSetup: {
      sized(20);
      const transferCount = view.getUint16(16, true);
      if (transferCount % 2 !== 0) throw bad(`a block of ${transferCount} bytes`);
      return {
        type: 'pio-setup',
        port,
        toHost,
        interrupt,
        status: view.getUint8(2),
        error: view.getUint8(3),
        ...registers(view),
        endStatus: view.getUint8(15),
        transferCount,
      };
    }
    case FIS_TYPE.bistActivate:
      sized(12);
      return { type: 'bist-activate', port };
    default:
      throw bad(`type ${type.toString(16)}h`);
  }
}

function registers(view: DataView): { lba: number; device: number; count: number } {
  return {
    lba: (view.getUint32(4, true) & 0xff_ffff) + (view.getUint32(8, true) & 0xff_ffff) * 0x100_0000,
    device: view.getUint8(7),
    count: view.getUint16(12, true),
  };
}

const bad = (what: string): NsError =>
  new NsError('NS_FIS', `not a frame information structure: ${what}`, { family: 'peer' });
