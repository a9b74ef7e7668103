import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { signOrder } from '../../src/security/index.ts';
import { SimFleet, type SimFleetHost } from '../kit/sim-fleet.ts';
import { type Answers, Attacker } from './attacker.ts';
import type { Move } from './move.ts';
import { STATED, type Stated } from './moves/stated.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';
import { FleetServer } from './server.ts';
import { enrolment, fillDisk, KEYS, PAPERS, TENANT } from './site.ts';

/** How one move went. */
export interface Tried {
  readonly scenario: string;
  readonly move: string;
  /** Hosts it was tried at. */
  readonly hosts: number;
  /** What hosts answered, by code. */
  readonly answers: Readonly<Record<string, number>>;
  readonly silent: number;
  /** Names of hosts that were harmed, beyond what the scenario allows. */
  readonly harmed: readonly string[];
  /** What the same did with what the attacker lacks. */
  readonly control: 'does the harm' | 'none';
  /** Why this proves nothing, where it does not. */
  readonly fault?: string;
}

export interface Outcome {
  readonly scenario: string;
  readonly hosts: number;
  readonly disabled: number;
  readonly wiped: number;
  /** What the scenario states. */
  readonly stated: number;
}

/** Something that is not kept, and that must not be kept quiet. */
export interface Seen {
  readonly words: string;
  /** Still so. Where it is not, the page that says so can be put right. */
  readonly works: boolean;
  readonly answers: Readonly<Record<string, number>>;
  readonly fault?: string;
}

export interface Report {
  readonly tried: readonly Tried[];
  readonly stated: readonly Seen[];
  readonly outcomes: readonly Outcome[];
  readonly seconds: { readonly start: number; readonly all: number };
  /** Of the whole process with all hosts running. */
  readonly rssMiB: number;
  readonly held: boolean;
}

export interface RedTeamOptions {
  /** Hosts that are counted; one more is there for what must succeed. */
  readonly hosts: number;
  /** All that there are, where absent. */
  readonly scenarios?: readonly Scenario[];
  readonly onTried?: (tried: Tried) => void;
  readonly onOutcome?: (outcome: Outcome) => void;
  readonly onStated?: (seen: Seen) => void;
}

const PAST_HOSTS = 3;

/** Runs all scenarios against a fleet that is made for it, and looks at every host after each move. */
export async function redTeam(options: RedTeamOptions): Promise<Report> {
  const dir = await mkdtemp(join(tmpdir(), 'ns-redteam-'));
  const begun = performance.now();
  try {
    const paper = join(dir, 'keyring');
    await writeFile(paper, PAPERS.inForce);
    const fleet = await SimFleet.start({
      hosts: options.hosts + 1,
      name: (i) => (i < options.hosts ? `host${i + 1}` : 'control'),
      agent: enrolment(paper),
      fill: fillDisk,
    });
    try {
      const started = performance.now();
      const run = new RedTeam(fleet, options);
      await run.all();
      const held = run.tried.every(({ fault, harmed }) => fault === undefined && harmed.length === 0);
      return {
        tried: run.tried,
        stated: run.stated,
        outcomes: run.outcomes,
        seconds: { start: (started - begun) / 1000, all: (performance.now() - begun) / 1000 },
        rssMiB: Math.round(process.memoryUsage().rss / 1024 / 1024),
        held:
          held &&
          run.stated.every(({ works }) => works) &&
          run.outcomes.every(({ disabled, wiped, stated }) => disabled + wiped === stated),
      };
    } finally {
      await fleet.close();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

class RedTeam {
  readonly tried: Tried[] = [];
  readonly outcomes: Outcome[] = [];
  readonly stated: Seen[] = [];
  readonly #options: RedTeamOptions;
  readonly #server: FleetServer;
  readonly #hosts: readonly SimFleetHost[];
  readonly #spare: SimFleetHost;
  /** Moves of which it is known that they would do harm. */
  readonly #proven = new Set<string>();
  readonly #owner: Attacker;
  /** Found harmed so far. */
  readonly #harmed = { disabled: new Set<string>(), wiped: new Set<string>() };

  constructor(fleet: SimFleet, options: RedTeamOptions) {
    this.#options = options;
    this.#hosts = fleet.hosts.slice(0, options.hosts);
    this.#spare = fleet.hosts[options.hosts]!;
    this.#server = new FleetServer(fleet);
    this.#owner = new Attacker(this.#server, undefined);
  }

  async all(): Promise<void> {
    // What a client publishes is for the attacker to pass on, or not.
    this.#server.fleet.broker.passes = () => false;
    await this.#server.live(this.#hosts.slice(0, PAST_HOSTS));
    for (const scenario of this.#options.scenarios ?? SCENARIOS) await this.#scenario(scenario);
    if (this.#options.scenarios !== undefined) return;
    for (const each of STATED) await this.#see(each);
  }

  async #see({ words, run, mend }: Stated): Promise<void> {
    const host = this.#spare;
    const result = await attempt(() => run(this.#owner, host));
    const { lock } = await host.look();
    const seen: Seen = {
      words,
      works: lock === 'disabled',
      answers: Object.fromEntries(codesOf(result)),
      ...(typeof result === 'string' ? { fault: result } : {}),
    };
    await this.#release(host);
    await mend?.(this.#owner, host);
    this.stated.push(seen);
    this.#options.onStated?.(seen);
  }

  async #scenario(scenario: Scenario): Promise<void> {
    const attacker = new Attacker(this.#server, scenario.lacks, scenario.only);
    this.#harmed.disabled.clear();
    this.#harmed.wiped.clear();
    for (const move of scenario.moves) await this.#try(scenario, attacker, move);
    const outcome: Outcome = {
      scenario: scenario.words,
      hosts: this.#hosts.length,
      disabled: this.#harmed.disabled.size,
      wiped: this.#harmed.wiped.size,
      stated: scenario.harm,
    };
    await this.#mend([...this.#harmed.disabled, ...this.#harmed.wiped]);
    this.outcomes.push(outcome);
    this.#options.onOutcome?.(outcome);
  }

  async #try(scenario: Scenario, attacker: Attacker, move: Move): Promise<void> {
    const hosts = this.#hosts.slice(0, move.at);
    const result = await attempt(() => move.run(attacker, hosts));
    const newly = await this.#look();
    if (scenario.harm === 0) await this.#mend(newly);
    const control = await this.#control(move);
    const faults = [
      typeof result === 'string' ? `it could not be carried out: ${result}` : whyUnproven(move, result),
      control,
    ].filter((fault) => fault !== undefined);
    const answers = typeof result === 'string' ? { codes: new Map(), silent: 0 } : result;
    const tried: Tried = {
      scenario: scenario.words,
      move: move.words,
      hosts: hosts.length,
      answers: Object.fromEntries(answers.codes),
      silent: answers.silent,
      harmed: scenario.harm > 0 ? [] : newly,
      control: move.control === undefined ? 'none' : 'does the harm',
      ...(faults.length === 0 ? {} : { fault: faults.join('; ') }),
    };
    this.tried.push(tried);
    this.#options.onTried?.(tried);
  }

  /** Opens every host, and gives the names of those that are harmed and were not before. */
  async #look(): Promise<readonly string[]> {
    const newly: string[] = [];
    for (const host of this.#hosts) {
      const { lock, held, diskChanged } = await host.look();
      const locked = lock === 'disabled' || held;
      const known = this.#harmed;
      if ((locked && !known.disabled.has(host.name)) || (diskChanged && !known.wiped.has(host.name))) {
        newly.push(host.name);
      }
      if (locked) known.disabled.add(host.name);
      if (diskChanged) known.wiped.add(host.name);
    }
    return newly;
  }

  /** With everything that there is the control must do its harm. Says what is wrong, where it does not. */
  async #control({ words, control, harm }: Move): Promise<string | undefined> {
    if (control === undefined || this.#proven.has(words)) return undefined;
    const host = this.#spare;
    const result = await attempt(() => control(this.#owner, host));
    const { lock, diskChanged } = await host.look();
    const harmed = harm === 'wiped' ? diskChanged : lock === 'disabled';
    await this.#release(host);
    host.disk.restore();
    if (!harmed) {
      const said = typeof result === 'string' ? result : [...result.codes.keys()].join();
      return `the same with what is lacking does no harm either: ${said}`;
    }
    this.#proven.add(words);
    return undefined;
  }

  /** So that the next move finds hosts as they should be; what was found stays in the report. */
  async #mend(names: readonly string[]): Promise<void> {
    for (const name of names) {
      const host = this.#hosts.find((each) => each.name === name)!;
      await this.#release(host);
      host.disk.restore();
    }
  }

  async #release(host: SimFleetHost): Promise<void> {
    if ((await host.look()).lock === 'enabled') return;
    // By a nonce: what an attacker did to the host's idea of time does not matter.
    const quoted = { nonce: await this.#owner.nonce('olga', host), maxAge: 600 };
    const order = this.#owner.order('sam', host, 'machine.enable', {}, quoted);
    const packet = await signOrder(order, KEYS.sam.key, TENANT, [KEYS.tess.key]);
    await this.#owner.strike([host], async () => packet);
    const { lock } = await host.look();
    if (lock !== 'enabled') throw new Error(`${host.name} could not be released`);
  }
}

async function attempt(work: () => Promise<Answers>): Promise<Answers | string> {
  try {
    return await work();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const codesOf = (result: Answers | string): Answers['codes'] =>
  typeof result === 'string' ? new Map() : result.codes;

function whyUnproven({ fails }: Move, { codes }: Answers): string | undefined {
  const others = [...codes.keys()].filter((code) => !fails.includes(code));
  if (others.length > 0) return `it was answered otherwise than it should: ${others.join()}`;
  if (fails.length > 0 && codes.size === 0) return 'no host has answered';
  return undefined;
}
