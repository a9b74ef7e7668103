import { BlockDrive, ChainRouter, type DeviceIdentity } from '../../src/sata-chain/index.ts';
import { BadSectorDevice } from './bad-sectors.ts';

export interface RouterChain {
  /** From the head. */
  readonly routers: readonly ChainRouter[];
  readonly devices: readonly BadSectorDevice[];
  readonly drives: readonly BlockDrive[];
  readonly head: ChainRouter;
}

export const phantomOf = (router: ChainRouter): DeviceIdentity => {
  if (!router.merge.ok) throw new Error(router.merge.sentence);
  return router.merge.identity;
};

/** Units in a row, each with a drive of as many sectors, or none where that is undefined. */
export function routerChain(
  sizes: readonly (number | undefined)[],
  mode: 'relative' | 'absolute' = 'relative',
): RouterChain {
  const devices = sizes.map((sectors, i) => new BadSectorDevice(`disk${i}`, sectors ?? 0));
  const drives = devices.map((device, i) => new BlockDrive(device, { serial: `S${i}` }));
  const routers = sizes.map(() => new ChainRouter());
  for (let i = sizes.length - 1; i >= 0; i -= 1) {
    const below = routers[i + 1];
    const drive = drives[i]!;
    routers[i]!.setMembers(
      sizes[i] === undefined ? undefined : { identity: drive.identity, target: drive },
      below && { identity: phantomOf(below), target: below },
    );
    if (mode === 'absolute') {
      const base = sizes.slice(0, i).reduce<number>((sum, sectors) => sum + (sectors ?? 0), 0);
      routers[i]!.setWindow({ mode, base, length: sizes[i] ?? 0 });
    }
  }
  return { routers, devices, drives, head: routers[0]! };
}
