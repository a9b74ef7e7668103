import type { Verdict } from '../base/index.ts';
import type { BlockDevice } from './block-device.ts';
import type { ExtendedAttribute, HostPath } from './file-system.ts';
import type { ToolConfinement } from './tool-confinement.ts';

/** One change to a volume. Paths are resolved already: no segment before the last is a symlink. */
export type VolumeEdit =
  | {
      readonly edit: 'put-file';
      readonly path: HostPath;
      readonly content: FileContent;
      /** What the inode gets. */
      readonly attributes: FileAttributes;
      /** True where a file of this name exists and is to be replaced. */
      readonly replace: boolean;
    }
  | { readonly edit: 'make-directory'; readonly path: HostPath; readonly attributes: FileAttributes }
  | {
      readonly edit: 'make-symlink';
      readonly path: HostPath;
      /** As it is to be stored; where it leads is not looked at. */
      readonly target: string;
      readonly attributes: FileAttributes;
    }
  /** One more name for a file that is there, or that an earlier edit puts there. */
  | { readonly edit: 'make-link'; readonly path: HostPath; readonly to: HostPath }
  | { readonly edit: 'remove-file'; readonly path: HostPath }
  | { readonly edit: 'remove-directory'; readonly path: HostPath };

/**
 * What a file is to hold. Where `data.extents` tells of runs that hold nothing, the file has holes, if its filesystem
 * keeps such.
 */
export interface FileContent {
  readonly size: number;
  /** At least `size` bytes; only ever read. */
  readonly data: BlockDevice;
  /** The staged file of own storage that is this content and nothing else, where there is one. */
  readonly name?: string;
}

export interface FileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970. */
  readonly mtime: number;
  /** The part of a second after `mtime`, 0 to 999,999,999; 0 where absent. */
  readonly mtimeNanoseconds?: number;
  /** ACLs among them, as the filesystem's Linux driver names them. None where absent. */
  readonly xattrs?: readonly ExtendedAttribute[];
}

/** The overlay of a volume, as an editor gets it. */
export interface EditableVolume extends BlockDevice {
  /**
   * From now on these bytes of the volume are those of the content from `from` on, and zeros behind its end; nothing is
   * copied. Absent where content has to be written.
   */
  place?(offset: number, length: number, content: FileContent, from: number): Promise<void>;
}

/**
 * Changes a filesystem by its own tools. It only ever sees an overlay; the disk is changed later, through the redo
 * log. A tool that cannot run throws NS_TOOL_FAILED.
 */
export interface VolumeEditor {
  /** Filesystem types it can edit; empty where the tools are not usable here, with the reason. */
  readonly capabilities: {
    readonly types: readonly string[];
    readonly unusable?: string;
    /** True where `unusable` is for want of confinement: the tools are here. */
    readonly unconfined?: boolean;
    /** Absent where it is not known. */
    readonly confinement?: ToolConfinement;
  };
  /**
   * Makes all edits, in order, on the overlay. `time`, whole seconds since 1970, is the only time that may appear in
   * what is written, so that the same edits give the same blocks whenever they are made.
   */
  edit(
    overlay: EditableVolume,
    type: string,
    edits: readonly VolumeEdit[],
    time: number,
    signal: AbortSignal,
  ): Promise<Verdict<void>>;
  /** The filesystem's own checker, read-only, over the device. Refuses with CHECK_FAILED where it finds any fault. */
  check(device: BlockDevice, type: string, signal: AbortSignal): Promise<Verdict<void>>;
  /** Replays the filesystem's journal on the overlay; `time` as in `edit`. */
  replay(overlay: BlockDevice, type: string, time: number, signal: AbortSignal): Promise<Verdict<void>>;
}
