import { allow, refuse, type Verdict } from '../../base/index.ts';
import type { FileAttributes, FileStat, StagedFile, VolumeEdit, VolumeFacts } from '../../ports/index.ts';
import type { ArgsOf, EffectNote } from '../../protocol/index.ts';
import { baseName, checkWritableName } from '../../storage/index.ts';
import { checkProtected } from './protect.ts';
import { attributesOfPut, type Surroundings } from './put-attributes.ts';
import type { RealPlace } from './real-path.ts';
import { zerosAsHoles } from './zero-holes.ts';

export { surroundingsOf } from './put-surroundings.ts';

export interface PutFacts {
  readonly place: RealPlace;
  readonly volume: VolumeFacts;
  readonly around: Surroundings;
  readonly protectedPaths: readonly string[];
  /** Whole seconds; for a file that came without a time. */
  readonly now: number;
}

export interface PutPlan {
  readonly path: string;
  readonly directories: readonly string[];
  readonly attributes: FileAttributes;
  /** Of directories that are made above it. */
  readonly directory: FileAttributes;
  readonly replace: boolean;
  /** Whether zeros are holes there. */
  readonly holes: boolean;
  readonly changes: EffectNote['changes'];
  /** What the order asks for and this filesystem does not keep. */
  readonly notes: readonly string[];
}

/** May this file be put there, and what becomes of what is there? Judges names, kinds, protection and room. */
export function planPut(args: ArgsOf<'file.download'>, facts: PutFacts): Verdict<PutPlan> {
  const { path, missing, stat } = facts.place;
  if (path === '/')
    return refuse('IS_A_DIRECTORY', 'The root of the volume is a directory.', 'Name a file in it.');
  for (const name of [...missing.map(baseName), baseName(path)]) {
    const fit = checkWritableName(name);
    if (!fit.ok) return fit;
  }
  const { limits } = facts.volume;
  const free = checkProtected(path, facts.protectedPaths, false, limits?.caseless);
  if (!free.ok) return free;
  if (missing.length > 0 && args.parents !== true) {
    return refuse('NO_SUCH_FILE', `The directory ${missing[0]} does not exist.`, 'Say --parents to make it.');
  }
  if (stat?.kind === 'directory') {
    return refuse('IS_A_DIRECTORY', `${path} is a directory.`, 'Name the file itself, under that directory.');
  }
  if (stat?.kind === 'symlink') {
    return refuse('IS_A_SYMLINK', `${path} is a symbolic link to ${stat.target ?? '?'}.`);
  }
  if (stat !== undefined && stat.kind !== 'file') return refuse('NOT_A_FILE', `${path} is a ${stat.kind}.`);
  if (stat !== undefined && args.replace !== true) return refuse('FILE_EXISTS', `${path} exists.`);
  if (limits !== undefined && args.size > limits.largestFile) {
    return refuse('FILE_TOO_LARGE', `A file on this filesystem has ${limits.largestFile} bytes at most.`);
  }
  const room = facts.volume.free;
  if (room !== undefined && args.size > room + (stat?.size ?? 0)) {
    return refuse('NO_SPACE', `The file takes ${args.size} bytes; ${room} are free on the volume.`);
  }
  const { earliestTime, latestTime } = facts.volume;
  const wanted = args.mtime ?? facts.now;
  const mtime = wanted - (wanted % Math.max(1, limits?.timeStep ?? 1));
  if (mtime < earliestTime || mtime > latestTime) {
    return refuse(
      'TIME_UNSUPPORTED',
      `The file's time is ${mtime} s; this filesystem keeps ${earliestTime} to ${latestTime}.`,
    );
  }
  const settled = attributesOfPut(args, mtime, stat, facts.volume, facts.around);
  if (!settled.ok) return settled;
  return allow({
    path,
    directories: missing,
    attributes: settled.value.file,
    directory: settled.value.directory,
    replace: stat !== undefined,
    holes: limits?.holes !== false,
    notes: [...settled.value.notes, ...otherNames(stat)],
    changes: [
      ...missing.map((directory) => ({ change: 'make-directory' as const, path: directory })),
      { change: stat === undefined ? ('create' as const) : ('replace' as const), path },
    ],
  });
}

/** A file that is put is a new one: other names of the old one still name that. */
function otherNames(stat: FileStat | undefined): string[] {
  const others = (stat?.links ?? 1) - 1;
  return others < 1
    ? []
    : [
        `the old file had ${others} more ${others === 1 ? 'name' : 'names'}, which it keeps, with its old contents`,
      ];
}

export function editsOfPut(plan: PutPlan, staged: StagedFile): VolumeEdit[] {
  const content = plan.holes ? { ...staged, data: zerosAsHoles(staged.data, staged.size) } : staged;
  return [
    ...plan.directories.map(
      (path): VolumeEdit => ({ edit: 'make-directory', path, attributes: plan.directory }),
    ),
    { edit: 'put-file', path: plan.path, content, attributes: plan.attributes, replace: plan.replace },
  ];
}
