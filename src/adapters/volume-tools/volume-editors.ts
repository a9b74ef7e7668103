import { tmpdir } from 'node:os';
import { type Duration, refuse, type Verdict } from '../../base/index.ts';
import type { VolumeEditor } from '../../ports/index.ts';
import { missingTool, type ToolTrial, whyUnmountable } from './why-unusable.ts';

export interface VolumeToolOptions {
  /** Where a staged file of own storage lies, for a tool to read. */
  readonly stagedPath: (name: string) => string;
  /** Where private mount directories are made; by default the system's temporary directory. */
  readonly directory?: string;
  /** The longest that one tool may run. */
  readonly toolDeadline?: Duration;
}

/** Which filesystems a set of programs edits. */
export interface EditorPrograms {
  readonly types: readonly string[];
  readonly programs: readonly ToolTrial[];
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
  const unmountable = await whyUnmountable(options.directory ?? tmpdir());
  const usable = new Map<string, () => Promise<VolumeEditor>>();
  const reasons: string[] = [];
  for (const { types, programs, load } of kinds) {
    const missing = unmountable ?? (await missingTool(programs));
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
  return new VolumeEditors(usable, unmountable ?? (reasons.length === 0 ? undefined : reasons.join('; ')));
}

class VolumeEditors implements VolumeEditor {
  readonly capabilities: VolumeEditor['capabilities'];
  readonly #editors: ReadonlyMap<string, () => Promise<VolumeEditor>>;

  constructor(editors: ReadonlyMap<string, () => Promise<VolumeEditor>>, unusable: string | undefined) {
    this.#editors = editors;
    this.capabilities = { types: [...editors.keys()], ...(unusable === undefined ? {} : { unusable }) };
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
    const { unusable } = this.capabilities;
    return refuse('WRITE_TOOLS_MISSING', unusable === undefined ? undefined : `${unusable}.`);
  }
}
