import { readFile } from 'node:fs/promises';
import type { LocalChain } from '../../adapters/local-chain/local-chain.ts';
import { ExportDoor } from '../../adapters/nbd/export-gate.ts';
import { type NbdServer, type NbdServerOptions, serveNbd } from '../../adapters/nbd/nbd-server.ts';
import { asNsError, NsError } from '../../base/index.ts';
import type { LogSink } from '../../ports/index.ts';
import { type DeviceIdentity, openChainDevice } from '../../sata-chain/index.ts';
import type { ExportAddress, TlsFiles } from './arguments.ts';

export interface ChainExportOptions {
  readonly at: ExportAddress;
  readonly exportName: string;
  readonly readOnly: boolean;
  readonly tls?: TlsFiles;
  readonly sectorSize: 512 | 4096;
}

/**
 * Offers the disk that a host at the head of the chain would see. When COMINIT says that it may be another one, all
 * clients are cut; while the chain holds its signature back newcomers wait; where the chain is disabled there is no export.
 */
export async function exportChain(
  chain: LocalChain,
  options: ChainExportOptions,
  log: LogSink,
): Promise<NbdServer> {
  const door = new ExportDoor();
  followDisk(chain, door, options, log);
  const { at, exportName, sectorSize } = options;
  const common: NbdServerOptions = {
    exportName,
    minimumBlock: sectorSize,
    wakeful: true,
    ...(options.tls === undefined ? {} : { tls: await readTls(options.tls) }),
  };
  if (at.is === 'tcp') return serveNbd(door, { ...common, tcp: { host: '127.0.0.1', port: at.port } });
  return serveNbd(door, { ...common, socketPath: at.path });
}

function followDisk(chain: LocalChain, door: ExportDoor, options: ChainExportOptions, log: LogSink): void {
  const { hba, head, name } = chain;
  let shown = 0;
  const none = (): void => {
    if (head.state.t.state === 'T7') door.close();
    else door.hold();
  };
  const show = (disk: DeviceIdentity | undefined): void => {
    shown += 1;
    const mine = shown;
    if (disk === undefined) {
      none();
      log.log('info', 'chain.no-disk', { disk: name, state: head.state.t.state });
      return;
    }
    openChainDevice(name, hba.target, { writable: !options.readOnly }).then(
      (device) => {
        if (mine !== shown) return;
        door.open(device);
        log.log('info', 'chain.disk', { disk: name, sectors: disk.sectors, serial: disk.serial });
      },
      (error: unknown) => {
        log.log('error', 'chain.disk-unknown', { disk: name, error: asNsError(error).message });
      },
    );
  };
  hba.onDisk(show);
  head.onChange((now, before) => {
    if (now.t.state !== before.t.state && hba.disk === undefined) none();
  });
  show(hba.disk);
}

async function readTls(files: TlsFiles): Promise<NonNullable<NbdServerOptions['tls']>> {
  const read = (path: string): Promise<string> =>
    readFile(path, 'utf8').catch((cause: unknown) => {
      throw new NsError('NS_CONFIG_INVALID', `${path} cannot be read`, { family: 'caller', cause });
    });
  return {
    certificate: await read(files.cert),
    key: await read(files.key),
    ...(files.ca === undefined ? {} : { clientAuthority: await read(files.ca) }),
  };
}
