import { Argument, type Command } from 'commander';
import { REFUSALS } from '../../base/index.ts';
import {
  type ArgumentModel,
  COMPLETION_SCRIPTS,
  type CommandModel,
  complete,
  EXIT,
  type KnownNames,
  manPage,
  SHELLS,
  type Shell,
} from '../../fleet/index.ts';
import { RELEASED, VERSION } from '../version.ts';
import type { Context } from './context.ts';
import type { Run } from './files.ts';

/** What is no command for people. */
const HIDDEN = new Set(['__complete', 'help']);

/** Completion of shells and the manual page, both from the commands as they stand. `after`: what stands below the help. */
export function addCompletionCommands(program: Command, run: Run, after: string): void {
  program
    .command('completion')
    .description('print what a shell reads to complete this command: source <(nightshift completion bash)')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .action((shell: Shell) =>
      run(async ({ terminal }) => {
        terminal.print(COMPLETION_SCRIPTS[shell].trimEnd());
        return EXIT.done;
      }),
    );
  program
    .command('man')
    .description('print the manual page: nightshift man | man -l -')
    .action(() =>
      run(async ({ terminal }) => {
        const date = new Date(RELEASED * 1000).toISOString().slice(0, 10);
        terminal.print(manPage(modelOf(program), { version: VERSION, date, after }).trimEnd());
        return EXIT.done;
      }),
    );
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action((words: string[]) =>
      run(async (context) => {
        const found = complete(modelOf(program), words, await namesIn(context));
        for (const word of found.is === 'files' ? [':files'] : found.words) context.terminal.print(word);
        return EXIT.done;
      }),
    );
}

/** Without a configuration, or with one that is not whole, there are no names, and commands are completed all the same. */
async function namesIn(context: Context): Promise<KnownNames> {
  const codes = Object.keys(REFUSALS);
  try {
    const { devices, groups } = await context.config();
    return { devices: [...devices.keys()], groups: Object.keys(groups), codes };
  } catch {
    return { devices: [], groups: [], codes };
  }
}

export function modelOf(command: Command): CommandModel {
  return {
    name: command.name(),
    says: command.description(),
    options: command.options
      .filter(({ hidden }) => !hidden)
      .map(({ short, long, flags, description, argChoices }) => {
        const value = /<[^>]+>|\[[^\]]+\]/.exec(flags)?.[0];
        return {
          flags: [short, long].filter((flag) => flag !== undefined),
          ...(value === undefined ? {} : { value }),
          ...(argChoices === undefined ? {} : { choices: argChoices }),
          says: description,
        };
      }),
    arguments: command.registeredArguments.map(
      (argument): ArgumentModel => ({
        name: argument.name(),
        required: argument.required,
        variadic: argument.variadic,
        ...(argument.argChoices === undefined ? {} : { choices: argument.argChoices }),
      }),
    ),
    commands: command.commands.filter((below) => !HIDDEN.has(below.name())).map(modelOf),
  };
}
