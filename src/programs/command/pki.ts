import type { Command } from 'commander';
import type { Run } from './files.ts';
import type { MosquittoOptions, RightsOptions } from './pki-broker.ts';
import type { DaysOption, DirOption, RenewOptions, RevokeOptions } from './pki-work.ts';

/** Read by whoever works with certificates, and by nobody else. */
const work = () => import('./pki-work.ts');
const broker = () => import('./pki-broker.ts');

const gather = (value: string, before: readonly string[] = []): string[] => [...before, ...value.split(',')];

/** pki: certificates for a site of one's own. */
export function addPkiCommands(program: Command, run: Run): void {
  const group = program
    .command('pki')
    .description("a small site's own certificates for broker, devices and operators");
  const plain = (name: string, description: string): Command => group.command(name).description(description);
  const verb = (name: string, description: string): Command =>
    plain(name, description).option('--dir <directory>', 'where the authority is', 'pki');
  const issuing = (command: Command): Command => command.option('--days <n>', 'how long it is valid');

  issuing(plain('init', 'make an authority, in a directory of its own'))
    .argument('[directory]', 'where', 'pki')
    .requiredOption('--permit <names>', 'domains and address ranges that your brokers are called by', gather)
    .option('--tenant <name>', 'as in the configurations', 'default')
    .action((dir: string, o: DaysOption & { permit: string[]; tenant: string }) =>
      run(async (context) => (await work()).init(context, dir, o)),
    );
  issuing(verb('broker', "make a broker's key and certificate"))
    .argument('<name>')
    .option('--dns <names>', 'what it is called by', gather)
    .option('--ip <addresses>', 'and at which addresses', gather)
    .action((name: string, o: DirOption & DaysOption & { dns?: string[]; ip?: string[] }) =>
      run(async (context) => (await work()).broker(context, name, o)),
    );
  const clients = (kind: 'device' | 'operator', description: string): void => {
    issuing(verb(kind, description))
      .argument('<names...>')
      .action((names: string[], o: DirOption & DaysOption) =>
        run(async (context) => (await work()).clients(context, kind, names, o)),
      );
  };
  clients('device', "make devices' keys and certificates; the name is the device's in its configuration");
  clients('operator', "make operators' keys and certificates");
  issuing(verb('renew', 'make new keys and certificates beside the old ones'))
    .argument('[names...]')
    .option('--all', 'all that are in use')
    .option('--within <days>', 'only what ends within so many days')
    .option('--ca', 'a new authority, beside the old one')
    .action((names: string[], o: RenewOptions) =>
      run(async (context) => (await work()).renew(context, names, o)),
    );
  verb('retire', 'believe the newest authority only, when all certificates are of it').action(
    (o: DirOption) => run(async (context) => (await work()).retire(context, o)),
  );
  verb('list', 'show what there is, how long it is good, and pins').action((o: DirOption) =>
    run(async (context) => (await broker()).list(context, o)),
  );
  verb('revoke', 'take certificates back')
    .argument('<names...>')
    .option('--replaced', 'only those that newer ones have replaced')
    .action((names: string[], o: RevokeOptions) =>
      run(async (context) => (await work()).revoke(context, names, o)),
    );
  verb('rights', 'set what a device may beyond its own topics')
    .argument('<devices...>')
    .option('--group <names>', 'groups whose orders it takes', gather)
    .option('--stands-for <devices>', 'neighbours for which it is a relay gateway', gather)
    .action((devices: string[], o: RightsOptions) =>
      run(async (context) => (await broker()).rights(context, devices, o)),
    );
  verb('mosquitto', "write a broker's configuration and access list, with its certificate")
    .argument('<broker>')
    .argument('<out>')
    .option('--at <path>', 'where these files will be on its machine', '/etc/mosquitto/nightshift')
    .option('--port <n>', 'TCP port', '8883')
    .option('--replace', 'write the files anew in a directory that is not empty')
    .action((name: string, out: string, o: MosquittoOptions) =>
      run(async (context) => (await broker()).mosquitto(context, name, out, o)),
    );
}
