import t from 'tap';
import { ConsoleAgents } from '../kit/console-agent.ts';
import { notPlain, paperOf } from '../kit/console-paper.ts';
import { logIn, PROMPT } from '../kit/console-paths.ts';
import { scratch } from '../kit/disk-tools.ts';
import { eventually } from '../kit/eventually.ts';
import { LineTechnician } from '../kit/line-technician.ts';
import { noise } from '../kit/noise.ts';
import { SerialCable } from '../kit/serial-cable.ts';
import { PASSWORD } from '../kit/technicians.ts';

const { dir, remove } = await scratch();
t.teardown(remove);
const agents = await ConsoleAgents.build(dir);
const cable = await SerialCable.lay();
t.teardown(() => cable.remove());
const agent = await agents.start('host', cable.devicePath, { released: true });
t.teardown(() => agent.stop());
await eventually(() => PROMPT.test(cable.heard), 60_000);
const at = new LineTechnician(cable);
let marks = 0;

/** Whatever was typed before: Ctrl-C, and a command is answered. */
async function answers(): Promise<void> {
  marks += 1;
  const answered = new RegExp(`There is no command "mark${marks}"[^>]*> $`);
  await eventually(async () => {
    cable.type(`\x03\rmark${marks}\r`);
    // Where a flood of output was in its way, the answer may be among what was dropped.
    return eventually(() => answered.test(cable.heard.slice(-200)), 500).then(
      () => true,
      () => false,
    );
  }, 60_000);
  await at.type('', PROMPT);
}

await t.test(
  'a line of a million letters, and keys that are stuck at any question, are followed by an answer',
  async (t) => {
    cable.type(`${'x'.repeat(1_000_000)}\r`);
    await answers();
    // Broken into rows of 79 columns at the most.
    const [, named = ''] = /There is no command\s+"([x\r\n]+)"/.exec(cable.heard) ?? [];
    t.equal(named.replaceAll('\r\n', ''), 'x'.repeat(256), 'of the line so much is taken as it may have');
    for (const key of ['\0', '\x1b', '\xff', '\x7f', ' ', '\t', '\r', '\x04', '\x03']) {
      cable.type(key.repeat(3_000));
      await answers();
    }
    for (const [question, key] of [
      ['login tim', '*'],
      ['login', '\0'],
      ['menu', '9'],
      ['unlock', 'A'],
    ] as const) {
      cable.type(`${question}\r${key.repeat(3_000)}`);
      await answers();
    }
    t.same(notPlain(cable.heard), []);
  },
);

await t.test('noise on the line ends nothing, logs nobody in, and comes back as seven bits', async (t) => {
  for (const [seed, question] of ['', 'login tim\r', 'menu\r'].entries()) {
    cable.type(question);
    cable.type(noise(10_000, seed));
    await answers();
  }
  t.notMatch(cable.heard, /@host1> /);
  t.same(notPlain(cable.heard), []);
  cable.type('st\0at\xffus\0\r');
  t.match(await at.type('', PROMPT), /lock: {5}enabled/, 'what is no key is left out');
});

await t.test(
  'who tries passwords as fast as the line goes has few of them judged, and the right one waits too',
  async (t) => {
    const began = performance.now();
    let judged = 0;
    for (let tries = 0; tries < 40 || performance.now() - began < 1200; tries += 1) {
      await at.type('login tim\r', /password: $/);
      const said = await at.type(`password ${tries}\r`, PROMPT);
      t.match(said, /Wrong name or password\.|Too soon: wait/);
      if (said.includes('Wrong')) judged += 1;
    }
    // After the nth wrong one comes a wait of twice as long as before it, 1 second at first.
    const elapsed = (performance.now() - began) / 1000;
    t.ok(judged <= 1 + Math.log2(elapsed + 1), `${judged} judged in ${elapsed} s`);
    t.ok(judged >= 1);
    await at.type('login tim\r', /password: $/);
    t.match(await at.type(`${PASSWORD}\r`, PROMPT), /Too soon: wait/);
    await logIn(at, 'tim');
    t.match(await at.type('logout\r', PROMPT), /tim has logged out/, 'nobody is locked out for good');
  },
);

await t.test(
  'a terminal that never reads holds up no order, and gets what is still of use when it reads',
  async (t) => {
    await logIn(at, 'tim');
    cable.stopReading();
    const heard = cable.heard.length;
    // Far more than all buffers on the way take.
    cable.type(`${'help\r'.repeat(400)}io write identify-led 1\rhost1\r`);
    await new Promise((done) => setTimeout(done, 500));
    t.equal(cable.heard.length, heard);
    cable.read();
    await eventually(async () => {
      cable.type('io read identify-led\r');
      await new Promise((done) => setTimeout(done, 200));
      return cable.heard.includes('identify-led = 1');
    }, 60_000);
    t.pass('what was typed was done');
    await answers();
    t.ok(cable.heard.length - heard < 300_000, 'what nobody has read for so long is dropped');
    t.same(notPlain(cable.heard), []);
  },
);

await t.test(
  'a line that hangs up in mid-output leaves neither the rest of it nor a session to the next one',
  async (t) => {
    cable.stopReading();
    cable.type('status\rls -r /srv\r');
    await new Promise((done) => setTimeout(done, 200));
    await cable.unplug();
    const from = cable.heard.length;
    await cable.plug();
    await at.type('', /Nightshift [^\r]*\r\n\r\nhost1> $/);
    t.equal(
      paperOf(cable.heard.slice(from)).join('\n'),
      '\nNightshift 0.1.0 on host1. "help" lists the commands.\n\nhost1>',
    );
    t.match(await at.type('ls /\r', PROMPT), /There is no command "ls"/);
  },
);

await t.test(
  'a line has one console: another agent waits until the first has gone, also from one that nobody reads',
  async (t) => {
    const second = await agents.start('second', cable.devicePath, { released: true });
    t.teardown(() => second.stop());
    await eventually(async () => (await second.log()).includes('console.line-failed'), 60_000);
    t.match(await at.type('status\r', PROMPT), /lock: {5}enabled/);
    cable.stopReading();
    cable.type('help\r'.repeat(500));
    t.equal(await agent.stop(), 0, 'it ends in good order');
    cable.read();
    await at.type('', /Nightshift [^\r]*\r\n\r\nhost1> $/);
  },
);
