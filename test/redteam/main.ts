import { redTeam } from './redteam.ts';

/** npm run redteam [-- --hosts 1000] [--json]. Exits with 1 where a host came to more harm than is stated, or a move proved nothing. */

const json = process.argv.includes('--json');
const at = process.argv.indexOf('--hosts');
const hosts = at === -1 ? 1000 : Number(process.argv[at + 1]);
if (!Number.isSafeInteger(hosts) || hosts < 10 || hosts > 10_000) {
  process.stderr.write('usage: npm run redteam [-- --hosts 10..10000] [--json]\n');
  process.exit(2);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const say = (line: string): void => void process.stdout.write(`${line}\n`);
let scenario = '';
let number = 0;
let said = false;

const report = await redTeam({
  hosts,
  onTried: (tried) => {
    if (json) return say(JSON.stringify(tried));
    if (tried.scenario !== scenario) {
      scenario = tried.scenario;
      say(`\nHolding ${scenario}:`);
    }
    number += 1;
    const why = Object.entries(tried.answers)
      .sort(([, a], [, b]) => b - a)
      .map(([code, n]) => `${code} × ${n}`)
      .join(', ');
    const silent = tried.silent === 0 ? '' : `${why === '' ? '' : ', '}${tried.silent} without an answer`;
    const control = tried.control === 'none' ? '' : '; with what is lacking it works';
    say(`${String(number).padStart(4)}  ${tried.move}: ${why}${silent}${control}`);
    if (tried.harmed.length > 0)
      say(`      HARMED: ${tried.harmed.length} hosts, ${tried.harmed.slice(0, 5).join(' ')}`);
    if (tried.fault !== undefined) say(`      PROVES NOTHING: ${tried.fault}`);
  },
  onOutcome: (outcome) => {
    if (json) return say(JSON.stringify(outcome));
    say(
      `  => ${outcome.disabled} of ${outcome.hosts} hosts disabled, ${outcome.wiped} wiped; stated: ${outcome.stated}`,
    );
  },
  onStated: ({ words, works, answers, fault }) => {
    if (json) return say(JSON.stringify({ stated: words, works }));
    if (!said) say('\nNot kept, and said so in docs/security.md, tried at a host that is not counted:');
    said = true;
    say(`   -  ${words}: ${works ? 'works' : `NO LONGER WORKS: ${fault ?? Object.keys(answers).join()}`}`);
  },
});
const moves = new Set(report.tried.map(({ move }) => move)).size;
const { start, all } = report.seconds;
if (json) say(JSON.stringify({ held: report.held, moves, seconds: report.seconds, rssMiB: report.rssMiB }));
else {
  say(
    `\n${moves} different moves, ${report.tried.length} tried; ${hosts} hosts started in ${start.toFixed(1)} s, ${report.rssMiB} MiB; ${all.toFixed(0)} s in all`,
  );
  say(report.held ? 'held: no more harm than is stated' : 'NOT HELD');
}
process.exit(report.held ? 0 : 1);
