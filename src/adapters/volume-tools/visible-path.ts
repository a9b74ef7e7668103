/** A path that a tool may see; it has the same name inside. */
export interface VisiblePath {
  readonly path: string;
  /** May be written too, file or directory. */
  readonly writable?: boolean;
}
