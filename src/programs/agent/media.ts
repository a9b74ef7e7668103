import type { HostMedia, LogSink } from '../../ports/index.ts';
import { type MediaDesk, openMedia } from '../../tasks/index.ts';
import { note } from './bmc-audit.ts';
import type { Machine } from './machine.ts';

/** Whether and which image the host finds at its USB port. */
export function openDeviceMedia(machine: Machine, port: HostMedia, log: LogSink): Promise<MediaDesk> {
  const { store, power, lockout, clock } = machine;
  return openMedia({
    port,
    store,
    pathOf: (name) => store.pathOf(name),
    power,
    lockout,
    clock,
    log,
    onTakenBack: ({ sha256, size }, why) => {
      const of = `of ${size} bytes, sha256 ${Buffer.from(sha256).toString('hex')}`;
      note(machine, log, { event: 'media.taken-back', detail: `${of}: ${why}` });
    },
  });
}
