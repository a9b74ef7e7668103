import { formatDuration, milliseconds, toHex } from '../base/index.ts';
import type { EffectNote, LockNote, ResultOf, Verb, VolumeNote } from '../protocol/index.ts';
import { showBudget, showBudgetUpdate } from './budget.ts';
import { showChain, showChainSync } from './chain.ts';
import { contentsLines } from './contents.ts';
import { carriedLine, fileLines } from './file-facts.ts';
import { showFirmware, showUpdate } from './firmware.ts';
import { showFound } from './found.ts';
import { showOffer, showWithdrawn } from './media.ts';
import { showMemory } from './memory.ts';
import { absentLine, readBackLines } from './read-back.ts';
import { showSensors } from './sensors.ts';
import { showStaged } from './staged.ts';
import { counted, modeText, sized, table, timeText } from './text.ts';
import { putTreeLine, treeLines, treeReadBack } from './tree.ts';
import { showVolumes } from './volumes.ts';

/** How much of a result to show. */
export interface ShowOptions {
  readonly long?: boolean;
  /** Tables are to fit 79 columns. */
  readonly narrow?: boolean;
}

function volumeLine(volume: VolumeNote): string[] {
  const label = volume.label === '' ? '' : ` "${volume.label}"`;
  const stale = volume.stale ? ['STALE: the host may hold newer contents than its disk'] : [];
  const notes = volume.notes.map((note) => `note: ${note}`);
  return [`volume: ${volume.name} ${volume.type}${label}`, ...stale, ...notes];
}

const CHANGES: Readonly<Record<EffectNote['changes'][number]['change'], readonly [string, string]>> = {
  create: ['would create', 'created'],
  replace: ['would replace', 'replaced'],
  remove: ['would remove', 'removed'],
  'make-directory': ['would make the directory', 'made the directory'],
};

function effectLines(effect: EffectNote, dryRun: boolean, more = 0): string[] {
  const changes = effect.changes.map(({ change, path }) => `${CHANGES[change][dryRun ? 0 : 1]} ${path}`);
  const shown =
    changes.length + more > 20
      ? [...changes.slice(0, 20), `… and ${Math.max(0, changes.length - 20) + more} more`]
      : changes;
  const blocks = `${counted(effect.blocks, 'block')}, ${sized(effect.bytes)}`;
  const hash = toHex(effect.hash);
  return [
    ...shown,
    `effect: ${blocks}, ${hash}`,
    ...(effect.before === undefined || dryRun ? [] : [`what was there: ${toHex(effect.before)}`]),
    ...(dryRun ? [`nothing was written; to do exactly this, add --approve ${hash}`] : []),
  ];
}

function lockLines(lock: LockNote): string[] {
  const by = lock.by === undefined ? '' : ` by key ${toHex(lock.by)}`;
  const since = lock.since === undefined ? '' : ` since ${timeText(lock.since)}`;
  const reason = lock.reason === undefined ? '' : `, reason: ${lock.reason}`;
  const force = lock.state === 'disabled' ? [`in force: ${lock.inForce.join(', ') || 'NOTHING'}`] : [];
  return [
    `lock: ${lock.state} (version ${lock.version})${since}${by}${reason}`,
    ...force,
    ...levelLines(lock),
  ];
}

const IN_FORCE = {
  yes: 'in force',
  partly: 'PARTLY in force',
  no: 'NOT in force',
  cannot: 'not there',
} as const;

/**
 * Of an enabled machine, only what it is held by all the same. What it does when mains come back, and what it boots, is then its
 * own business.
 */
function levelLines({ state, inForce: held, levels = [] }: LockNote): string[] {
  const holds = {
    power: held.includes('power-button-masked'),
    boot: false,
    disk: held.includes('drive-held'),
  };
  return levels
    .filter(({ level }) => state === 'disabled' || holds[level])
    .flatMap(({ level, wanted, inForce, detail, defeatedBy }) => [
      `level ${level}: ${IN_FORCE[inForce]}${wanted ? '' : ' (not wanted)'}. ${detail}`,
      ...(inForce === 'yes' || inForce === 'partly' ? [`  defeated by ${defeatedBy}`] : []),
    ]);
}

function value(v: number | Uint8Array | undefined, unit: string): string {
  if (v === undefined) return '?';
  if (typeof v === 'number') return `${v} ${unit}`;
  const more = v.byteLength > 32 ? '…' : '';
  return `${counted(v.byteLength, 'byte')} ${toHex(v.subarray(0, 32))}${more}`;
}

const entriesText = (count: number): string => (count === 1 ? '1 entry' : `${count} entries`);

function listLines(r: ResultOf<'file.list'>, long: boolean): string[] {
  const name = (e: (typeof r.entries)[number]): string =>
    (e.raw === undefined ? e.name : `${e.name} (not UTF-8: ${toHex(e.raw)})`) +
    (e.target === undefined ? (!long && e.kind === 'directory' ? '/' : '') : ` -> ${e.target}`);
  const lines = long
    ? table(
        r.entries.map((e) => [
          e.mode === undefined ? e.kind : modeText(e.mode, e.kind),
          `${e.uid ?? '?'}:${e.gid ?? '?'}`,
          String(e.size ?? '?'),
          e.mtime === undefined ? '?' : timeText(e.mtime),
          name(e),
        ]),
        [2],
      )
    : r.entries.map(name);
  const more = r.next === undefined ? [] : ['… there is more'];
  return [entriesText(r.entries.length), ...lines, ...more, ...volumeLine(r.volume)];
}

const DOUBTS = {
  agreed: '',
  contradiction: ': the sources contradict each other',
  ambiguous: ': the sources leave more than one state possible',
  missing: ': a source does not answer',
} as const;

const doubtOf = (fusion: keyof typeof DOUBTS | undefined): string => DOUBTS[fusion ?? 'agreed'];

function toolLines(confinement: ResultOf<'machine.status'>['toolConfinement']): string[] {
  if (confinement === undefined) return [];
  const { missing } = confinement;
  if (missing.length === 0) return ['disk tools: confined'];
  const reasons = new Set(missing.map(({ why }) => why));
  return [...reasons].map((why) => {
    const parts = missing.filter((lack) => lack.why === why).map(({ part }) => part);
    return `disk tools: NOT CONFINED in ${parts.join(', ')}: ${why}`;
  });
}

/** " for 3 s, for 27 s more at most": how long a disk has been lent, and may be. */
function lentText({ heldForMs, leaseLeftMs }: ResultOf<'machine.status'>['disks'][number]): string {
  const had = heldForMs === undefined ? '' : ` for ${formatDuration(milliseconds(heldForMs))}`;
  if (leaseLeftMs === undefined) return had;
  return `${had}, for ${formatDuration(milliseconds(leaseLeftMs))} more at most`;
}

function statusLines(r: ResultOf<'machine.status'>): string[] {
  const sources = Object.entries(r.power.sources).map(([source, said]) => `${source} ${said}`);
  const doubt = r.power.certain ? '' : ` (NOT CERTAIN${doubtOf(r.power.fusion)})`;
  return [
    `board ${r.board}, version ${r.version}, up ${formatDuration(milliseconds(r.uptimeSeconds * 1000))}`,
    `power now: ${r.power.state}${doubt}${sources.length > 0 ? ` (${sources.join(', ')})` : ''}`,
    ...lockLines(r.lock),
    ...r.disks.map(
      (disk) =>
        `disk: ${disk.name} with ${disk.position}${disk.holder === undefined ? '' : `, held by ${disk.holder}`}${lentText(disk)}, hand-back ${disk.handBackMs} ms`,
    ),
    `tasks: ${r.tasks.running} running, ${r.tasks.queued} queued`,
    ...toolLines(r.toolConfinement),
    ...r.limits.map((limit) => `limit: ${limit}`),
  ];
}

const SOURCES = {
  local: 'keyring: the list in the configuration of the device',
  damaged: 'keyring: DAMAGED, nobody is known',
} as const;

type Show = { readonly [V in Verb]: (result: ResultOf<V>, options: ShowOptions) => string[] };

const SHOW: Show = {
  'file.list': (r, { long }) => listLines(r, long === true),
  'file.find': (r, { long }) => [...showFound(r, long === true), ...volumeLine(r.volume)],
  'file.stat': ({ volume, path, file: f }) => [
    `${path}: ${f.kind}, ${sized(f.size)}${f.target === undefined ? '' : ` -> ${f.target}`}`,
    ...fileLines(f),
    ...volumeLine(volume),
  ],
  'file.upload': (r) => [
    ...(r.tree === undefined ? [`${r.path}: ${sized(r.file.size)}`] : treeLines(r.path, r.tree)),
    `sha256: ${toHex(r.sha256)}`,
    ...carriedLine(r.file),
    ...volumeLine(r.volume),
  ],
  'file.download': (r) => [
    ...(r.tree === undefined ? [] : [putTreeLine(r.path, r.tree, r.dryRun)]),
    ...effectLines(r.effect, r.dryRun, r.tree?.more),
    ...(r.tree === undefined ? readBackLines(r) : treeReadBack(r.tree, r.dryRun)),
    ...volumeLine(r.volume),
  ],
  'file.delete': (r) => [
    `${r.removed} ${r.dryRun ? 'would be removed' : 'removed'}`,
    ...effectLines(r.effect, r.dryRun),
    ...(r.absent === undefined ? [] : [absentLine(r.absent)]),
    ...volumeLine(r.volume),
  ],
  'volume.list': (r, { narrow, long }) => showVolumes(r, long ? 'long' : narrow ? 'narrow' : 'wide'),
  'volume.upload': (r) => [
    `${r.volume.name}: ${sized(r.size)}`,
    `sha256: ${toHex(r.sha256)}`,
    ...volumeLine(r.volume),
  ],
  'memory.check': showMemory,
  'io.list': ({ channels }) => [
    counted(channels.length, 'channel'),
    ...table(
      channels.map((c) => [
        c.name,
        c.kind,
        c.unit,
        `${c.readable ? 'r' : '-'}${c.writable ? 'w' : '-'}`,
        c.minimum === undefined && c.maximum === undefined ? '' : `${c.minimum ?? ''}..${c.maximum ?? ''}`,
        c.safe === undefined ? '' : `safe ${c.safe}`,
      ]),
    ),
  ],
  'io.read': (r) => [`${r.channel} = ${value(r.value, r.unit)}`, ...contentsLines(r.contents)],
  'io.write': (r) => [
    `${r.channel}: ${value(r.before, r.unit)} -> ${value(r.after, r.unit)}` +
      (r.dryRun ? ' (nothing was written)' : ''),
  ],
  'io.watch': (r) => [
    `${r.channel}: ${counted(r.samples, 'sample')}${r.dropped > 0 ? `, ${r.dropped} dropped` : ''}`,
    ...r.last.slice(-5).map((sample) => `${sample.at} ms: ${value(sample.value, r.unit)}`),
  ],
  'sensor.read': showSensors,
  'machine.status': statusLines,
  'machine.disable': (r) => [r.changed ? 'disabled' : 'nothing to change', ...lockLines(r.lock)],
  'machine.enable': (r) => [r.changed ? 'enabled' : 'nothing to change', ...lockLines(r.lock)],
  'clock.set': (r) => [
    r.changed
      ? `signed time is now ${timeText(r.surely)}${r.before === undefined ? '' : `, was ${timeText(r.before)}`}`
      : `nothing to change: ${timeText(r.surely)} has surely passed already`,
    `its wall clock says ${timeText(r.wall)}`,
  ],
  'chain.status': (result) => showChain(result),
  'chain.sync': showChainSync,
  'task.list': ({ tasks }) => [
    counted(tasks.length, 'task'),
    ...table(
      tasks.map((task) => [
        toHex(task.id),
        task.verb,
        task.state,
        `key ${toHex(task.issuer)}`,
        task.stage === undefined
          ? ''
          : `${task.stage} ${task.done ?? ''}${task.total === undefined ? '' : `/${task.total}`}`,
      ]),
    ),
  ],
  'task.cancel': (r) => [`task ${toHex(r.task)}: ${r.asked ? 'asked to stop' : 'not asked'}, now ${r.state}`],
  'staged.list': showStaged,
  'keyring.read': (r) => [
    r.source === 'document' ? `keyring: version ${r.version}` : SOURCES[r.source],
    ...(r.hash === undefined ? [] : [`hash: ${toHex(r.hash)}`]),
    ...table(r.keys.map((key) => [key.name, key.role, key.person, `key ${toHex(key.keyId)}`])),
  ],
  'keyring.update': (r) => [
    r.changed
      ? `keyring version ${r.version} ${r.dryRun ? 'would be' : 'is'} in force, ${counted(r.keys, 'key')}`
      : `nothing to change: version ${r.version} is in force`,
    `hash: ${toHex(r.hash)}`,
  ],
  'budget.read': showBudget,
  'budget.update': showBudgetUpdate,
  'media.offer': showOffer,
  'media.withdraw': showWithdrawn,
  'agent.firmware': showFirmware,
  'agent.update': showUpdate,
  'audit.read': (r) => [
    entriesText(r.entries.length),
    ...table(
      r.entries.map((e) => [
        String(e.seq),
        timeText(e.at),
        e.event,
        e.by === undefined ? '' : `key ${toHex(e.by)}`,
        e.detail,
      ]),
      [0],
    ),
    `head: ${toHex(r.head)}`,
    ...(r.next === undefined ? [] : [`… there is more: --from ${r.next}`]),
  ],
};

/** The gist of a result in lines; the first says the most. */
export function showResult<V extends Verb>(
  verb: V,
  result: ResultOf<V>,
  options: ShowOptions = {},
): string[] {
  return SHOW[verb](result, options);
}
