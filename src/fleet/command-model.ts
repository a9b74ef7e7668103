/** An option of a command, as it is typed. */
export interface OptionModel {
  /** "--json", "-r": the long one last. */
  readonly flags: readonly string[];
  /** "<file>"; absent where the option takes no value. */
  readonly value?: string;
  /** What the value can be, where there is a list. */
  readonly choices?: readonly string[];
  readonly says: string;
}

export interface ArgumentModel {
  readonly name: string;
  readonly required: boolean;
  /** Takes all that is left. */
  readonly variadic: boolean;
  readonly choices?: readonly string[];
}

/** A command and those below it: what `--help`, the manual page and the completion of shells all tell of. */
export interface CommandModel {
  readonly name: string;
  readonly says: string;
  readonly options: readonly OptionModel[];
  readonly arguments: readonly ArgumentModel[];
  readonly commands: readonly CommandModel[];
}
