export type { ChainLife } from './chain-disk.ts';
export {
  parseQemuHostConfig,
  type QemuHostConfig,
  type QemuHostConfigInput,
  qemuHostConfig,
} from './config.ts';
export { openQemuHost, type QemuHost, type QemuHostOptions } from './qemu-host.ts';
