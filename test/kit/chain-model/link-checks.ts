import type { HostPhyState } from '../../../src/sata-chain/phy/host-phy.ts';
import type { Phy } from '../../../src/sata-chain/phy/phy.ts';
import type { LinkNotices, LinkView } from './link-view.ts';

/** What may never be on a link, at any moment. */
export function brokenLink(v: LinkView): string | undefined {
  const quiet = v.down.length === 0 && v.up.length === 0;
  if (v.host.rate > v.host.fastest || v.device.rate > v.device.fastest)
    return 'a rate above what an end can do';
  if (quiet && v.host.state === 'HP8' && v.device.state === 'DP7') {
    const best = Math.min(v.host.fastest, v.device.fastest);
    if (v.host.rate !== v.device.rate) return 'both are ready at different rates';
    if (!v.spoilt && v.host.rate !== best) return `ready at ${v.host.rate}, could be ${best}`;
  }
  if (v.stale && !v.blind && quiet && v.host.state === 'HP8' && v.device.state === 'DP7') {
    return 'the device started anew and the host never noticed';
  }
  return undefined;
}

/** What the phys tell the machines above them agrees with what they are. */
export function falseNotice(before: LinkView, notices: LinkNotices): string | undefined {
  for (const side of ['host', 'device'] as const) {
    const was = side === 'host' ? before.hostUp : before.deviceUp;
    const told = notices[side];
    const fell = told.includes('lost') || told.includes('exchanged');
    if (fell && !was) return `the ${side} tells of a loss, and was not ready`;
    if (told.includes('up') && was && !fell) return `the ${side} tells that it is ready, and was`;
  }
  return undefined;
}

/** What may not be where nothing is left to happen by itself: both ready at one rate, or alone and parked. */
export function wrongLinkAtRest(v: LinkView): string | undefined {
  const both = v.host.line === 'run' && v.device.line === 'run' && !v.cutDown && !v.cutUp;
  if (both && !held(v.host)) {
    const pair = `${v.host.state} ${v.device.state}`;
    return ['HP8 DP7', 'HP9 DP8', 'HP10 DP9'].includes(pair) ? undefined : `rests at ${pair}`;
  }
  if (v.host.line === 'run' && !held(v.host) && (v.hostUp || v.host.timer !== 'parked')) {
    if (v.cutUp || v.device.line !== 'run') {
      if (v.hostUp && v.host.asleep !== null) return undefined;
      return `host rests at ${v.host.state} with nobody there`;
    }
  }
  if (v.device.line === 'run' && (v.deviceUp || v.device.timer !== 'parked')) {
    if (v.cutDown || v.host.line !== 'run') {
      if (v.deviceUp && v.device.asleep !== null) return undefined;
      return `device rests at ${v.device.state} with nobody there`;
    }
  }
  if (v.host.line !== 'run' && v.host.sent !== 'idle') return 'a silent host port sends';
  if (v.device.line !== 'run' && v.device.sent !== 'idle') return 'a silent device port sends';
  return undefined;
}

/** Software holds the port in reset (SControl.DET = 1). */
export const held = (host: Phy<HostPhyState>): boolean => host.state === 'HP1' && host.timer === null;
