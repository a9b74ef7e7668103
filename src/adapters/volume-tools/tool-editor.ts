import { tmpdir } from 'node:os';
import { type Duration, minutes, refuse, type Verdict } from '../../base/index.ts';
import type { VolumeEditor } from '../../ports/index.ts';
import { whyNoMounts } from './confine.ts';
import type { EditorPrograms, VolumeToolOptions } from './volume-editors.ts';
import { missingTool, whyUnmountable } from './why-unusable.ts';

/** Makes the editor of one set of programs; `unusable` says why they cannot be run here, where that is known. */
export type MakeToolEditor = (options: VolumeToolOptions, unusable?: string) => VolumeEditor;

/**
 * Tries at once whether the programs are here and may mount; where not, the editor's `capabilities` say why and nothing
 * can be edited.
 */
export async function openToolEditor(
  { programs, mounts }: EditorPrograms,
  make: MakeToolEditor,
  options: VolumeToolOptions,
): Promise<VolumeEditor> {
  const unusable =
    (await missingTool(programs)) ??
    (await whyUnmountable(options.directory ?? tmpdir())) ??
    (mounts === true ? await whyNoMounts() : undefined);
  return make(options, unusable);
}

/** What every editor that runs programs has: what it can edit, where it mounts, and how long a program may run. */
export class EditorTools {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly directory: string;
  readonly deadline: Duration;

  constructor(
    { types }: EditorPrograms,
    { directory = tmpdir(), toolDeadline = minutes(30) }: VolumeToolOptions,
    unusable: string | undefined,
  ) {
    this.directory = directory;
    this.deadline = toolDeadline;
    this.capabilities = unusable === undefined ? { types } : { types: [], unusable };
  }

  /** WRITE_TOOLS_MISSING, with why, where this type is not edited here. */
  refuseType(type: string): Verdict<void> | undefined {
    const { types, unusable } = this.capabilities;
    if (types.includes(type)) return undefined;
    return refuse('WRITE_TOOLS_MISSING', unusable === undefined ? undefined : `${unusable}.`);
  }
}
