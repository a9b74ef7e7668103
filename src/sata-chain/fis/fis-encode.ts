import { NsError } from '../../base/index.ts';
import { FIS_TYPE, type Fis, MOST_DATA, type PioSetup, type RegisterD2H, type RegisterH2D } from './fis.ts';

/** The bytes of a FIS, reserved fields zero. Throws NS_FIS_FIELD where a field does not fit its place. */
export function encodeFis(fis: Fis): Uint8Array {
  field(fis.port, 0x0f, 'port');
  switch (fis.type) {
    case 'register-h2d':
      return registerH2D(fis);
    case 'register-d2h':
      return registerD2H(fis);
    case 'set-device-bits': {
      const view = start(
        FIS_TYPE.setDeviceBits,
        8,
        fis.port,
        (fis.interrupt ? 0x40 : 0) | (fis.notification ? 0x80 : 0),
      );
      view.setUint8(2, field(fis.status, 0xff, 'status') & 0x77);
      view.setUint8(3, field(fis.error, 0xff, 'error'));
      view.setUint32(4, field(fis.active, 0xffff_ffff, 'active'), true);
      return bytesOf(view);
    }
    case 'dma-activate':
      return bytesOf(start(FIS_TYPE.dmaActivate, 4, fis.port));
    case 'dma-setup': {
      const flags = (fis.toHost ? 0x20 : 0) | (fis.interrupt ? 0x40 : 0) | (fis.autoActivate ? 0x80 : 0);
      const view = start(FIS_TYPE.dmaSetup, 28, fis.port, flags);
      view.setUint32(4, field(fis.bufferLow, 0xffff_ffff, 'bufferLow'), true);
      view.setUint32(8, field(fis.bufferHigh, 0xffff_ffff, 'bufferHigh'), true);
      view.setUint32(16, field(fis.offset, 0xffff_fffc, 'offset', 4), true);
      view.setUint32(20, field(fis.count, 0xffff_fffe, 'count', 2), true);
      return bytesOf(view);
    }
    case 'data': {
      const { payload } = fis;
      if (payload.byteLength < 4) throw misfit('payload');
      const view = start(FIS_TYPE.data, 4 + field(payload.byteLength, MOST_DATA, 'payload', 4), fis.port);
      const bytes = bytesOf(view);
      bytes.set(payload, 4);
      return bytes;
    }
    case 'pio-setup':
      return pioSetup(fis);
    case 'bist-activate':
      return bytesOf(start(FIS_TYPE.bistActivate, 12, fis.port));
  }
}

function registerH2D(fis: RegisterH2D): Uint8Array {
  const view = start(FIS_TYPE.registerH2D, 20, fis.port, fis.isCommand ? 0x80 : 0);
  view.setUint8(2, field(fis.command, 0xff, 'command'));
  view.setUint8(3, field(fis.features, 0xffff, 'features') & 0xff);
  putRegisters(view, fis);
  view.setUint8(11, fis.features >> 8);
  view.setUint8(14, field(fis.icc, 0xff, 'icc'));
  view.setUint8(15, field(fis.control, 0xff, 'control'));
  view.setUint32(16, field(fis.auxiliary, 0xffff_ffff, 'auxiliary'), true);
  return bytesOf(view);
}

function registerD2H(fis: RegisterD2H): Uint8Array {
  const view = start(FIS_TYPE.registerD2H, 20, fis.port, fis.interrupt ? 0x40 : 0);
  view.setUint8(2, field(fis.status, 0xff, 'status'));
  view.setUint8(3, field(fis.error, 0xff, 'error'));
  putRegisters(view, fis);
  view.setUint32(16, field(fis.echo, 0xffff_ffff, 'echo'), true);
  return bytesOf(view);
}

function pioSetup(fis: PioSetup): Uint8Array {
  const flags = (fis.toHost ? 0x20 : 0) | (fis.interrupt ? 0x40 : 0);
  const view = start(FIS_TYPE.pioSetup, 20, fis.port, flags);
  view.setUint8(2, field(fis.status, 0xff, 'status'));
  view.setUint8(3, field(fis.error, 0xff, 'error'));
  putRegisters(view, fis);
  view.setUint8(15, field(fis.endStatus, 0xff, 'endStatus'));
  view.setUint16(16, field(fis.transferCount, 0xfffe, 'transferCount', 2), true);
  return bytesOf(view);
}

/** LBA 23:0 in bytes 4-6, device in 7, LBA 47:24 in bytes 8-10, count in 12-13. */
function putRegisters(view: DataView, { lba, device, count }: RegisterH2D | RegisterD2H | PioSetup): void {
  field(lba, 2 ** 48 - 1, 'lba');
  view.setUint32(4, lba % 0x100_0000, true);
  view.setUint8(7, field(device, 0xff, 'device'));
  view.setUint32(8, Math.floor(lba / 0x100_0000), true);
  view.setUint16(12, field(count, 0xffff, 'count'), true);
}

function start(type: number, length: number, port: number, flags = 0): DataView {
  const view = new DataView(new ArrayBuffer(length));
  view.setUint8(0, type);
  view.setUint8(1, port | flags);
  return view;
}

const bytesOf = (view: DataView): Uint8Array => new Uint8Array(view.buffer);

function field(value: number, most: number, name: string, multiple = 1): number {
  if (!Number.isSafeInteger(value) || value < 0 || value > most || value % multiple !== 0) throw misfit(name);
  return value;
}

const misfit = (name: string): NsError =>
  new NsError('NS_FIS_FIELD', `no FIS can hold this ${name}`, { family: 'caller' });
