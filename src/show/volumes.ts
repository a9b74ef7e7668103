import { formatBytes } from '../base/index.ts';
import type { ResultOf } from '../protocol/index.ts';
import { counted, table } from './text.ts';

type Volume = ResultOf<'volume.list'>['volumes'][number];

const MAY = { yes: 'yes', stale: 'stale only', no: 'no' } as const;

function row({ name, type, label, uuid, size, used, read, write }: Volume): string[] {
  return [
    name,
    type,
    label === '' ? '-' : label,
    uuid === '' ? '-' : uuid,
    formatBytes(size),
    used === undefined ? '?' : formatBytes(used),
    MAY[read.may],
    MAY[write.may],
  ];
}

/** Reasons, each once, with the volumes that it is about. */
function reasons(volumes: readonly Pick<Volume, 'name' | 'read' | 'write'>[]): string[] {
  const about = new Map<string, { readonly lines: readonly string[]; readonly names: Set<string> }>();
  for (const { name, read, write } of volumes) {
    for (const why of [read.why, write.why]) {
      if (why === undefined) continue;
      const text = `${why.code}: ${why.sentence}`;
      const known = about.get(text) ?? { lines: [text, `  remedy: ${why.remedy}`], names: new Set() };
      known.names.add(name);
      about.set(text, known);
    }
  }
  return [...about.values()].flatMap(({ lines, names }) => [
    `${[...names].join(', ')}: ${lines[0] ?? ''}`,
    ...lines.slice(1),
  ]);
}

/** A disk of which nothing can be looked at, as if it were a volume. */
const asClosed = ({ name, why }: ResultOf<'volume.list'>['disks'][number]) => ({
  name,
  read: { may: 'no' as const, ...(why === undefined ? {} : { why }) },
  write: { may: 'no' as const },
});

export function showVolumes(r: ResultOf<'volume.list'>): string[] {
  const head = ['volume', 'type', 'label', 'uuid', 'size', 'used', 'read', 'write'];
  const disks = r.disks.map(({ name, size, sectorSize, scheme }) => {
    const tableName = scheme === 'none' ? 'no partition table' : scheme.toUpperCase();
    return `disk: ${name}, ${formatBytes(size)}, sectors of ${sectorSize} B, ${tableName}`;
  });
  return [
    `${counted(r.volumes.length, 'volume')}, host in ${r.power}`,
    ...disks,
    ...r.disks.flatMap(({ name, notes }) => notes.map((note) => `note: ${name}: ${note}`)),
    ...(r.volumes.length === 0 ? [] : table([head, ...r.volumes.map(row)], [4, 5])),
    ...r.evidence.map(({ volume, finding, what }) => `${finding}: ${volume} holds ${what}`),
    ...reasons([...r.disks.map(asClosed), ...r.volumes]),
    ...r.volumes.flatMap(({ name, notes }) => notes.map((note) => `note: ${name}: ${note}`)),
    ...(r.next === undefined ? [] : [`… there is more: --after ${r.next}`]),
  ];
}
