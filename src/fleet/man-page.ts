import type { CommandModel, OptionModel } from './command-model.ts';

export interface ManPageFacts {
  readonly version: string;
  /** "2026-11-21" */
  readonly date: string;
  /** What stands below the help: hosts, examples, exit status, configuration; a heading is a line that ends with ":". */
  readonly after: string;
}

/** The manual page in the man macros of roff: from the same model as `--help`, so that the two cannot say different things. */
export function manPage(root: CommandModel, { version, date, after }: ManPageFacts): string {
  const lines = [
    `.TH ${root.name.toUpperCase()} 1 "${date}" "${root.name} ${version}" "User Commands"`,
    '.SH NAME',
    `${root.name} \\- ${roff(sentence(root.says))}`,
    '.SH SYNOPSIS',
    `.B ${root.name}`,
    '.RI [ options ] " command " [ arguments ]',
    '.SH OPTIONS',
    ...root.options.flatMap(option),
    '.SH COMMANDS',
    ...root.commands.flatMap((command) => describe(command, [])),
    '.SH NOTES',
    '.nf',
    ...after.trim().split('\n').map(text),
    '.fi',
  ];
  return `${lines.join('\n')}\n`;
}

function describe(command: CommandModel, above: readonly string[]): string[] {
  const path = [...above, command.name];
  const words = command.arguments.map(({ name, required, variadic }) => {
    const shown = `${name}${variadic ? '...' : ''}`;
    return required ? `<${shown}>` : `[${shown}]`;
  });
  return [
    `.SS "${[...path, ...words].map(roff).join(' ')}"`,
    text(sentence(command.says)),
    ...command.options.flatMap(option),
    ...command.commands.flatMap((below) => describe(below, path)),
  ];
}

function option({ flags, value, choices, says }: OptionModel): string[] {
  const names = flags.map((flag) => `\\fB${roff(flag)}\\fR`).join(', ');
  const shown = value === undefined ? names : `${names} \\fI${roff(value.replaceAll(/[<>]/g, ''))}\\fR`;
  const among = choices === undefined ? '' : ` (${choices.join(', ')})`;
  return ['.TP', shown, text(sentence(says) + among)];
}

function sentence(says: string): string {
  return says.replaceAll(/\s+/g, ' ').replace(/\.$/, '');
}

/** A line of its own: roff takes a full stop or an apostrophe at its start for a request. */
function text(line: string): string {
  return line === '' ? '.sp' : roff(line).replace(/^([.'])/, '\\&$1');
}

function roff(line: string): string {
  return line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga');
}
