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

/** Columns for a terminal of 80: together with what parts them. */
const NARROW = { name: 17, type: 8, label: 12, size: 9 };

/** What does not fit ends in "~". */
function fitting(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}~`;
}

function narrowRow({ name, type, label, size, used, read, write }: Volume): string[] {
  return [
    fitting(name, NARROW.name),
    fitting(type, NARROW.type),
    label === '' ? '-' : fitting(label, NARROW.label),
    fitting(formatBytes(size), NARROW.size),
    used === undefined ? '?' : fitting(formatBytes(used), NARROW.size),
    read.may,
    write.may,
  ];
}

/** All of it, whatever the width: nothing is left out. */
function lines({ name, type, label, uuid, size, used, read, write }: Volume): string[] {
  return [
    `volume ${name}: ${type}${label === '' ? '' : ` "${label}"`}${uuid === '' ? '' : `, ${uuid}`}`,
    `  ${formatBytes(size)}, used ${used === undefined ? '?' : formatBytes(used)}; read: ${MAY[read.may]}, write: ${MAY[write.may]}`,
  ];
}

/** How volumes are shown: as a table of any width, as one that fits 79 columns, or each with all that is known of it. */
type VolumesForm = 'wide' | 'narrow' | 'long';

function volumeLines(volumes: readonly Volume[], form: VolumesForm): string[] {
  if (volumes.length === 0) return [];
  const head = ['volume', 'type', 'label', 'uuid', 'size', 'used', 'read', 'write'];
  switch (form) {
    case 'wide':
      return table([head, ...volumes.map(row)], [4, 5]);
    case 'narrow':
      return table([head.filter((name) => name !== 'uuid'), ...volumes.map(narrowRow)], [3, 4]);
    case 'long':
      return volumes.flatMap(lines);
  }
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

export function showVolumes(r: ResultOf<'volume.list'>, form: VolumesForm = 'wide'): string[] {
  const disks = r.disks.map(({ name, size, sectorSize, scheme }) => {
    const tableName = scheme === 'none' ? 'no partition table' : scheme.toUpperCase();
    return `disk: ${name}, ${formatBytes(size)}, sectors of ${sectorSize} B, ${tableName}`;
  });
  return [
    `${counted(r.volumes.length, 'volume')}, host in ${r.power}`,
    ...disks,
    ...r.disks.flatMap(({ name, notes }) => notes.map((note) => `note: ${name}: ${note}`)),
    ...volumeLines(r.volumes, form),
    ...r.evidence.map(({ volume, finding, what }) => `${finding}: ${volume} holds ${what}`),
    ...reasons([...r.disks.map(asClosed), ...r.volumes]),
    ...r.volumes.flatMap(({ name, notes }) => notes.map((note) => `note: ${name}: ${note}`)),
    ...(r.next === undefined ? [] : [`… there is more: --after ${r.next}`]),
  ];
}
