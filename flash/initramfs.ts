import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { BoardDescription, FlashLayout } from '../src/board/index.ts';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { kernelModules } from './kernel-modules.ts';
import { bootRecordPlace } from './media.ts';
import { type BoardSystem, ROOT } from './systems.ts';

/** The first root: the boot chooser and recovery system. */
export function packInitramfs(
  board: BoardDescription,
  layout: FlashLayout,
  system: BoardSystem,
  settings: string,
): Buffer {
  const modules = kernelModules(join(system.directory, 'modules'), board.firmware?.modules ?? []);
  const entries: CpioEntry[] = [
    ...['bin', 'dev', 'etc', 'modules'].map((path) => ({ is: 'directory', path }) as const),
    { is: 'device', path: 'dev/console', major: 5, minor: 1 },
    { is: 'device', path: 'dev/null', major: 1, minor: 3 },
    { is: 'file', path: 'bin/busybox', data: readFileSync(join(system.directory, 'busybox')), mode: 0o755 },
    { is: 'file', path: 'init', data: readFileSync(join(ROOT, 'flash/initramfs/init')), mode: 0o755 },
    { is: 'file', path: 'etc/board', data: Buffer.from(settings + chooserSettings(board, layout)) },
    { is: 'file', path: 'etc/modules', data: Buffer.from(modules.map(({ name }) => `${name}\n`).join('')) },
    ...modules.map(
      ({ name, path }) => ({ is: 'file', path: `modules/${name}.ko`, data: readFileSync(path) }) as const,
    ),
  ];
  return gzipSync(cpioArchive(entries), { level: 9 });
}

function chooserSettings(board: BoardDescription, layout: FlashLayout): string {
  const { partition, offset, step } = bootRecordPlace(layout);
  const slot = layout.partitions.find((part) => part.slot === 'a')?.name.replace(/-a$/, '') ?? '';
  const named = (holds: string): string => layout.partitions.find((part) => part.holds === holds)?.name ?? '';
  return shellLines({
    FLASH_KIND: layout.kind,
    RECORD_PARTITION: partition,
    RECORD_OFFSET: offset,
    RECORD_STEP: step,
    SLOT_PARTITION: slot,
    BASE_PARTITION: named('base'),
    STATE_PARTITION: named('state'),
    STATE_FILESYSTEM: layout.kind === 'nor' ? 'jffs2' : 'ext4',
    WATCHDOG: board.watchdog?.path ?? '',
    BOOT_SECONDS: board.firmware?.bootSeconds ?? 300,
  });
}

/** Values as a shell reads them. */
export function shellLines(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([key, value]) => `${key}='${String(value).replaceAll("'", `'\\''`)}'\n`)
    .join('');
}
