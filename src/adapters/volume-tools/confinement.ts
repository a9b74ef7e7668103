import type { ConfinementPart, ToolConfinement } from '../../ports/index.ts';

/** In the order in which they are tried where not all can be had together. */
const PARTS: readonly ConfinementPart[] = [
  'files',
  'dies-with-agent',
  'no-new-privileges',
  'capabilities',
  'limits',
  'processes',
  'network',
  'ipc',
  'host-name',
  'user',
  'process-limit',
  'namespaces',
];

/** Parts that the namespaces of bubblewrap make; without a root directory of their own there is none of them. */
const BY_NAMESPACES: readonly ConfinementPart[] = [
  'files',
  'processes',
  'network',
  'ipc',
  'host-name',
  'namespaces',
];

/** It goes into sentences that travel. */
const MOST_TEXT = 300;

export type ConfinementPlan = ReadonlySet<ConfinementPart>;

export interface ConfiningHost {
  readonly root: boolean;
  readonly has: (program: string) => boolean;
}

/** Why a part cannot even be tried; undefined where it can. */
function lacks(part: ConfinementPart, { root, has }: ConfiningHost): string | undefined {
  const bubblewrap = has('bwrap') ? undefined : 'bubblewrap (bwrap) is not installed';
  const utilLinux = has('setpriv') ? undefined : 'setpriv is not installed';
  if (part === 'user') return root ? (bubblewrap ?? utilLinux) : undefined;
  if (part === 'namespaces') {
    return bubblewrap ?? (root && !has('chroot') ? 'chroot is not installed' : undefined);
  }
  if (BY_NAMESPACES.includes(part)) return bubblewrap;
  if (part === 'limits' || part === 'process-limit')
    return has('prlimit') ? undefined : 'prlimit is not installed';
  if (part === 'capabilities' && !root) return undefined;
  return bubblewrap === undefined ? undefined : utilLinux;
}

/** A part that another one must hold for. */
function rests(part: ConfinementPart, { root }: ConfiningHost): ConfinementPart | undefined {
  // What is root's is not counted.
  if (root && (part === 'namespaces' || part === 'process-limit')) return 'user';
  if (root && part === 'user') return 'files';
  return part !== 'files' && BY_NAMESPACES.includes(part) ? 'files' : undefined;
}

/**
 * Finds by trial all that this kernel, user and set of programs can keep a tool from. `trial` runs a program under a
 * plan and says why it could not; undefined where it ran.
 */
export async function findConfinement(
  host: ConfiningHost,
  trial: (plan: ConfinementPlan) => Promise<string | undefined>,
): Promise<ToolConfinement> {
  const why = new Map<ConfinementPart, string>();
  for (const part of PARTS) {
    const base = rests(part, host);
    const reason = lacks(part, host) ?? (base === undefined ? undefined : why.get(base));
    if (reason !== undefined) why.set(part, reason);
  }
  const candidates = PARTS.filter((part) => !why.has(part));
  if ((await trial(new Set(candidates))) === undefined) return confinementOf(candidates, why);
  const holds: ConfinementPart[] = [];
  for (const part of candidates) {
    const base = rests(part, host);
    const reason = (base && why.get(base)) ?? (await trial(new Set([...holds, part])));
    if (reason === undefined) holds.push(part);
    else why.set(part, reason);
  }
  return confinementOf(holds, why);
}

function confinementOf(
  holds: readonly ConfinementPart[],
  why: ReadonlyMap<ConfinementPart, string>,
): ToolConfinement {
  const missing = PARTS.flatMap((part) => {
    const reason = why.get(part);
    return reason === undefined ? [] : [{ part, why: reason }];
  });
  return { holds, missing };
}

/** "network, ipc (bubblewrap (bwrap) is not installed)": what is missing, by reason; empty where nothing is. */
export function missingText({ missing }: ToolConfinement): string {
  const parts = new Map<string, string[]>();
  for (const { part, why } of missing) parts.set(why, [...(parts.get(why) ?? []), part]);
  const text = [...parts].map(([why, names]) => `${names.join(', ')} (${why})`).join('; ');
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}…` : text;
}
