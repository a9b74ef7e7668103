/** A disk of our own that the host finds at its USB port, as one that somebody plugged in. It cannot write to it. */
export interface HostMedia {
  /** The file that is shown now; undefined for none. NS_MEDIA where that cannot be told. */
  shown(): Promise<string | undefined>;
  /** Shows this file, in the place of any other. NS_MEDIA; nothing is shown then. */
  show(path: string): Promise<void>;
  /** Takes away what is shown, whether or not the host has it in use. NS_MEDIA. */
  take(): Promise<void>;
}
