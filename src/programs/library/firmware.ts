import { sendWindowFor } from '../../fleet/index.ts';
import type { ResultOf } from '../../protocol/index.ts';
import { type FirmwareFile, openFirmwareFile } from '../firmware-file.ts';
import { common, ended, type Hosts, launch } from './give.ts';
import type { OrderControl } from './options.ts';
import type { Run } from './run.ts';
import type { Site } from './site.ts';

export interface UpdateOptions extends OrderControl {
  /** Ask whether they would take it, and write nothing. */
  readonly dryRun?: boolean | undefined;
}

/** Brings an image to devices. NS_FIRMWARE_FILE for every host where it is no whole image. */
export function updateFirmware(
  site: Site,
  hosts: Hosts,
  path: string,
  o: UpdateOptions,
): Run<ResultOf<'agent.update'>> {
  let opening: Promise<FirmwareFile> | undefined;
  const open = (): Promise<FirmwareFile> => {
    opening ??= openFirmwareFile(path, shared.stop.signal);
    return opening;
  };
  const dryRun = o.dryRun === true ? { dryRun: true } : {};
  const order = async () => {
    const { signed, content } = await open();
    const { size, sha256 } = content;
    return { verb: 'agent.update', args: { manifest: signed, size, sha256, ...dryRun } } as const;
  };
  const shared = common(site, hosts, o, 'agent.update', order);
  const sendWindow = sendWindowFor(Math.min(shared.hosts.length, site.atOnce));
  const run = launch(site, shared.hosts, o, shared.stop, async (host, tell) => {
    const { signed, content } = await open();
    const options = { ...shared.options, ...tell, sendWindow };
    const args = { manifest: signed, ...dryRun };
    const { outcome, fault } = await site.engine.update(host, args, content, options);
    return ended(site, host, 'agent.update', outcome, (result) => result, fault);
  });
  const close = async (): Promise<void> => (await opening)?.close();
  run.then(close, close).catch(() => undefined);
  return run;
}
