import { formatDuration, milliseconds, toHex } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { clean } from '../show/index.ts';
import type { Fact, Tone } from './host-wire.ts';

type Status = ResultOf<'machine.status'>;

const STATES: Readonly<Record<Status['power']['state'], string>> = {
  S0: 'on',
  S3: 'suspended to memory',
  S4: 'hibernated',
  S5: 'off, with standby power',
  G3: 'off, without power of its own',
  unknown: 'not known',
};

function powerFacts({ state, certain, fusion, sources }: Status['power']): Fact[] {
  const doubt = certain ? '' : `, NOT CERTAIN${fusion === undefined ? '' : ` (${fusion})`}`;
  const heard = Object.entries(sources).map(([source, said]) => `${source} ${said}`);
  return [
    { what: 'power', says: `${state}: ${STATES[state]}${doubt}`, tone: certain ? 'plain' : 'warn' },
    ...(heard.length === 0
      ? []
      : [{ what: 'power, as it is heard', says: heard.join(', '), tone: 'plain' } as const]),
  ];
}

function lockFact({ state, since, by, reason, inForce }: Status['lock']): Fact {
  const who = by === undefined ? '' : `, by key ${toHex(by)}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  if (state === 'enabled') return { what: 'lock', says: `enabled${who}`, tone: 'good' };
  const force = inForce.length === 0 ? 'DISABLED, and NOT in force' : `disabled (${inForce.join(', ')})`;
  return {
    what: 'lock',
    says: `${force}${who}${why}`,
    tone: inForce.length === 0 ? 'bad' : 'warn',
    ...(since === undefined ? {} : { since }),
  };
}

const PLACES: Readonly<Record<Status['disks'][number]['position'], readonly [string, Tone]>> = {
  host: ['with the host', 'good'],
  ours: ['with this device', 'plain'],
  held: ['held from the host', 'warn'],
  unknown: ['NOT KNOWN where it is', 'bad'],
};

function custodyFact(disk: Status['disks'][number], now: number): Fact {
  const { name, position, holder, handBackMs, heldForMs, leaseLeftMs } = disk;
  const [place, tone] = PLACES[position];
  const whom = holder === undefined ? '' : `, for ${holder}`;
  const back =
    position === 'ours'
      ? `; back within ${formatDuration(milliseconds(handBackMs))} when the host wants it`
      : '';
  return {
    what: `custody of ${name}`,
    says: `${place}${whom}${back}`,
    tone,
    ...(heldForMs === undefined ? {} : { since: Math.round(now - heldForMs / 1000) }),
    ...(leaseLeftMs === undefined ? {} : { until: Math.round(now + leaseLeftMs / 1000) }),
  };
}

/** Power, lock and who has each disk, as a host's page tells of them. `now` in seconds since 1970. */
export function statusFacts(status: Status, now: number): readonly Fact[] {
  const { board, version, uptimeSeconds, power, lock, disks, tasks, limits } = status;
  const up = formatDuration(milliseconds(uptimeSeconds * 1000));
  const facts: Fact[] = [
    ...powerFacts(power),
    lockFact(lock),
    ...disks.map((disk) => custodyFact(disk, now)),
    { what: 'tasks', says: `${tasks.running} running, ${tasks.queued} waiting`, tone: 'plain' },
    { what: 'device', says: `board ${board}, version ${version}, up ${up}`, tone: 'plain' },
    ...limits.map((limit): Fact => ({ what: 'limit', says: limit, tone: 'warn' })),
  ];
  return facts.map((fact) => ({ ...fact, what: clean(fact.what), says: clean(fact.says) }));
}
