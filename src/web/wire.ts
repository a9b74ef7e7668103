/** What goes between the server and the page, as JSON. The page takes only the types of this file. */

import type { ChainView, Fact, HostTasks, SensorNews } from './host-wire.ts';

/** Whether a host's device answers, as its last order ended. */
export type Reach = 'not asked' | 'answers' | 'refuses' | 'failed' | 'offline' | 'silent' | 'not sent';

/** One line of the fleet table. All texts are plain text. */
export interface HostRow {
  readonly name: string;
  readonly groups: readonly string[];
  readonly reach: Reach;
  /** An order is on its way. */
  readonly asking: boolean;
  /** "S5", "S0?" where it is not certain, empty where it is not known. */
  readonly power: string;
  readonly lock: string;
  readonly disks: string;
  readonly running: number;
  readonly queued: number;
  /** Seconds since 1970 of the facts above; absent before the first. */
  readonly at?: number;
  /** Why there is no newer fact, in a sentence. */
  readonly says: string;
}

export interface Hello {
  /** Facts older than this are asked for again while a page is open; 0: never. */
  readonly refreshSeconds: number;
  readonly tenant: string;
  readonly version: string;
}

/** Names of the events of the stream, with their data. */
export interface StreamEvents {
  readonly hello: Hello;
  readonly rows: readonly HostRow[];
  /** By this id the page says what it looks at: LookBody. */
  readonly you: { readonly stream: string };
  readonly tasks: HostTasks;
  readonly sensors: SensorNews;
  /** All rows have been sent once. */
  readonly whole: { readonly hosts: number };
}

/** What one host can be asked from the page. None of it changes anything. */
export const QUESTIONS = ['status', 'volumes', 'chain', 'audit'] as const;
export type Question = (typeof QUESTIONS)[number];

export interface AskBody {
  readonly host: string;
  readonly question: Question;
  /** Where the page before ended, as `next` of its answer. */
  readonly after?: string;
}

export interface PageAnswer {
  readonly reach: Reach;
  /** As the command would print it. */
  readonly lines: readonly string[];
  readonly table?: AnswerTable;
  /** Of a status. */
  readonly facts?: readonly Fact[];
  /** Of a chain status. */
  readonly chains?: readonly ChainView[];
  /** There is more after this. */
  readonly next?: string;
  /** Seconds since 1970. */
  readonly at: number;
}

export interface AnswerTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}
