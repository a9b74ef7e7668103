import { tmpdir } from 'node:os';
import { type Duration, refuse, type Verdict } from '../../base/index.ts';
import type { VolumeEditor } from '../../ports/index.ts';
import { toolConfinement, whyNoMounts } from './confine.ts';
import { missingText } from './confinement.ts';
import { missingTool, type ToolTrial, whyUnmountable } from './why-unusable.ts';

export interface VolumeToolOptions {
  /** Where a staged file of own storage lies, for a tool to read. */
  readonly stagedPath: (name: string) => string;
  /** Where private mount directories are made; by default the system's temporary directory. */
  readonly directory?: string;
  /** The longest that one tool may run. */
  readonly toolDeadline?: Duration;
  /** No program runs unless all that confines it is to be had here. */
  readonly confinedOnly?: boolean;
}

/** Which filesystems a set of programs edits. */
export interface EditorPrograms {
  readonly types: readonly string[];
  readonly programs: readonly ToolTrial[];
  /** One of them mounts the volume in its sandbox. */
  readonly mounts?: boolean;
}

export interface EditorKind extends EditorPrograms {
  /** Called at the first use, with programs that are here. */
  readonly load: (options: VolumeToolOptions) => Promise<VolumeEditor>;
}

/**
 * One editor out of several, by type of filesystem. Tries at once which programs are here, and whether a device can be
 * mounted for them; `unusable` says which types cannot be edited and why.
 */
export async function openVolumeEditors(
  kinds: readonly EditorKind[],
  options: VolumeToolOptions,
): Promise<VolumeEditor> {
  const confinement = await toolConfinement();
  if (options.confinedOnly === true && confinement.missing.length > 0) {
    const unusable = `tools are not to run unconfined, and cannot be in ${missingText(confinement)}`;
    return new VolumeEditors(new Map(), { types: [], unusable, unconfined: true, confinement });
  }
  const unmountable = await whyUnmountable(options.directory ?? tmpdir());
  // All at once: one by one only where one is missing, to name it.
  const allHere =
    unmountable === undefined && (await missingTool(kinds.flatMap(({ programs }) => programs))) === undefined;
  const usable = new Map<string, () => Promise<VolumeEditor>>();
  const reasons: string[] = [];
  for (const { types, programs, mounts, load } of kinds) {
    const missing =
      unmountable ??
      (allHere ? undefined : await missingTool(programs)) ??
      (mounts === true ? await whyNoMounts() : undefined);
    if (missing !== undefined) {
      reasons.push(`${types.join(', ')}: ${missing}`);
      continue;
    }
    let loaded: Promise<VolumeEditor> | undefined;
    const editor = () => {
      loaded ??= load(options);
      return loaded;
    };
    for (const type of types) usable.set(type, editor);
  }
  const unusable = unmountable ?? (reasons.length === 0 ? undefined : reasons.join('; '));
  return new VolumeEditors(usable, {
    types: [...usable.keys()],
    ...(unusable === undefined ? {} : { unusable }),
    confinement,
  });
}

class VolumeEditors implements VolumeEditor {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly #editors: ReadonlyMap<string, () => Promise<VolumeEditor>>;

  constructor(
    editors: ReadonlyMap<string, () => Promise<VolumeEditor>>,
    capabilities: VolumeEditor['capabilities'],
  ) {
    this.#editors = editors;
    this.capabilities = capabilities;
  }

  edit: VolumeEditor['edit'] = async (overlay, type, edits, time, signal) =>
    this.#with(type, (editor) => editor.edit(overlay, type, edits, time, signal));

  check: VolumeEditor['check'] = async (device, type, signal) =>
    this.#with(type, (editor) => editor.check(device, type, signal));

  replay: VolumeEditor['replay'] = async (overlay, type, time, signal) =>
    this.#with(type, (editor) => editor.replay(overlay, type, time, signal));

  async #with(type: string, use: (editor: VolumeEditor) => Promise<Verdict<void>>): Promise<Verdict<void>> {
    const load = this.#editors.get(type);
    if (load !== undefined) return use(await load());
    const { unusable, unconfined } = this.capabilities;
    const code = unconfined === true ? 'TOOLS_UNCONFINED' : 'WRITE_TOOLS_MISSING';
    return refuse(code, unusable === undefined ? undefined : `${unusable}.`);
  }
}
