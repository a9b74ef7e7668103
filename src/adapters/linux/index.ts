export { type LinuxBoardConfig, parseLinuxBoardConfig } from './config.ts';
export { GpioIo, type LineChannel } from './gpio/gpio-io.ts';
export type { GpioLines } from './gpio/lines.ts';
export { openGpioLines } from './gpio/open-lines.ts';
export { type KernelFiles, kernelFiles } from './kernel-files.ts';
export { type SysfsChannel, SysfsIo } from './sysfs-io.ts';
export { openWatchdog } from './watchdog.ts';
export { WiredDrive } from './wired-drive.ts';
