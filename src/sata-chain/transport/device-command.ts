import { COMMAND } from '../ata/commands.ts';
import { TRIM_BLOCKS } from '../ata/identify-words.ts';
import { SMART_GOOD, SMART_RETURN_STATUS, smartKey } from '../ata/smart.ts';
import { DEVICE, type RegisterH2D } from '../fis/fis.ts';
import type { Lba } from '../target.ts';

/** A command as a device is to carry it out. `tag` where it is queued; `pio` where its data go by programmed input or output. */
export type DeviceCommand =
  | {
      readonly kind: 'read';
      readonly lba: Lba;
      readonly count: number;
      readonly tag?: number;
      readonly pio?: true;
    }
  | {
      readonly kind: 'write';
      readonly lba: Lba;
      readonly count: number;
      readonly fua: boolean;
      readonly tag?: number;
      readonly pio?: true;
    }
  | { readonly kind: 'verify'; readonly lba: Lba; readonly count: number }
  | { readonly kind: 'trim'; readonly blocks: number }
  | { readonly kind: 'flush' | 'identify' | 'smart-status' | 'native-max' | 'power-mode' | 'diagnose' }
  | { readonly kind: 'read-log'; readonly log: number; readonly page: number; readonly count: number }
  | { readonly kind: 'write-cache'; readonly on: boolean }
  | { readonly kind: 'nothing' | 'aborted' };

/** SET FEATURES: what this device takes and has nothing to do for. */
const TRANSFER_MODE = 0x03;
const LOOK_AHEAD = [0xaa, 0x55];
const WRITE_CACHE_ON = 0x02;
const WRITE_CACHE_OFF = 0x82;

/** Reads a command from its registers. What is unknown, or could change a drive behind the chain's back, is `aborted`. */
export function parseCommand(fis: RegisterH2D): DeviceCommand {
  const { lba, features } = fis;
  const count = fis.count === 0 ? 65_536 : fis.count;
  const short = {
    lba: (lba % 0x100_0000) + (fis.device & 0x0f) * 0x100_0000,
    count: (fis.count & 0xff) === 0 ? 256 : fis.count & 0xff,
  };
  const queued = { count: features === 0 ? 65_536 : features, tag: (fis.count >> 3) & 0x1f };
  switch (fis.command) {
    case COMMAND.readFpdmaQueued:
      return { kind: 'read', lba, ...queued };
    case COMMAND.writeFpdmaQueued:
      return { kind: 'write', lba, fua: (fis.device & DEVICE.fua) !== 0, ...queued };
    case COMMAND.readDmaExt:
      return { kind: 'read', lba, count };
    case COMMAND.readDma:
      return { kind: 'read', ...short };
    case COMMAND.readSectorsExt:
      return { kind: 'read', lba, count, pio: true };
    case COMMAND.readSectors:
      return { kind: 'read', ...short, pio: true };
    case COMMAND.writeSectorsExt:
      return { kind: 'write', lba, count, fua: false, pio: true };
    case COMMAND.writeSectors:
      return { kind: 'write', ...short, fua: false, pio: true };
    case COMMAND.writeDmaExt:
    case COMMAND.writeDmaFuaExt:
      return { kind: 'write', lba, count, fua: fis.command === COMMAND.writeDmaFuaExt };
    case COMMAND.writeDma:
      return { kind: 'write', ...short, fua: false };
    case COMMAND.readVerifyExt:
      return { kind: 'verify', lba, count };
    case COMMAND.readVerify:
      return { kind: 'verify', ...short };
    case COMMAND.dataSetManagement: {
      const trims = (features & 0xff) === 1 && count <= TRIM_BLOCKS;
      return trims ? { kind: 'trim', blocks: count } : { kind: 'aborted' };
    }
    case COMMAND.flushCache:
    case COMMAND.flushCacheExt:
    case COMMAND.standbyImmediate:
    case COMMAND.standby:
    case COMMAND.sleep:
      return { kind: 'flush' };
    case COMMAND.idle:
    case COMMAND.idleImmediate:
      return { kind: 'nothing' };
    case COMMAND.checkPowerMode:
      return { kind: 'power-mode' };
    case COMMAND.identifyDevice:
      return { kind: 'identify' };
    case COMMAND.executeDiagnostic:
      return { kind: 'diagnose' };
    case COMMAND.readNativeMax:
    case COMMAND.readNativeMaxExt:
      return { kind: 'native-max' };
    case COMMAND.smart: {
      const asked = (features & 0xff) === SMART_RETURN_STATUS && smartKey(lba) === SMART_GOOD;
      return { kind: asked ? 'smart-status' : 'aborted' };
    }
    case COMMAND.readLogExt: {
      const page = Math.floor(lba / 0x100) % 0x100;
      return { kind: 'read-log', log: lba % 0x100, page, count };
    }
    case COMMAND.setFeatures:
      return settings(features & 0xff);
    default:
      return { kind: 'aborted' };
  }
}

function settings(feature: number): DeviceCommand {
  if (feature === WRITE_CACHE_ON || feature === WRITE_CACHE_OFF) {
    return { kind: 'write-cache', on: feature === WRITE_CACHE_ON };
  }
  return { kind: feature === TRANSFER_MODE || LOOK_AHEAD.includes(feature) ? 'nothing' : 'aborted' };
}
