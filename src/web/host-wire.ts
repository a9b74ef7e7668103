/** What goes between the server and the page about one host, as JSON. The page takes only the types of this file. All texts are plain text. */

/** How something that is said is to be taken; never by colour alone. */
export type Tone = 'good' | 'warn' | 'bad' | 'plain';

/** One thing that is known of a host. */
export interface Fact {
  readonly what: string;
  readonly says: string;
  readonly tone: Tone;
  /** Seconds since 1970, by the operator's clock: since when, and until when at most. */
  readonly since?: number;
  readonly until?: number;
}

export interface ChainTroubleView {
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
  /** Units, by their ids, that it names. */
  readonly units: readonly string[];
}

/** A port of a unit. Generation 0: the link is down. */
export interface ChainUnitView {
  readonly unit: string;
  readonly position?: number;
  readonly heard: boolean;
  readonly state: string;
  readonly stateWords: string;
  readonly linkUp: number;
  readonly linkDown: number;
  readonly driveLink: number;
  /** "4.0 GiB"; absent where there is no drive. */
  readonly drive?: { readonly model: string; readonly serial: string; readonly size: string };
  /** What is set in its registers. */
  readonly flags: readonly string[];
  readonly changed: string;
}

/** A chain as the picture and its table draw it. */
export interface ChainView {
  readonly disk: string;
  readonly chain?: string;
  readonly state: string;
  readonly stateWords: string;
  readonly degraded: boolean;
  readonly held: boolean;
  readonly inStep: boolean;
  /** What the host sees: a size, or "nothing". */
  readonly shown: string;
  /** Mirrors and spares. */
  readonly array?: { readonly kind: string; readonly state: string; readonly sentence: string };
  readonly unitCount: number;
  readonly units: readonly ChainUnitView[];
  readonly troubles: readonly ChainTroubleView[];
}

export type TaskPhase = 'queued' | 'running' | 'staged';
export type TaskEnd = 'succeeded' | 'failed' | 'refused' | 'cancelled' | 'expired' | 'unknown';

/** A task of a host: under way, or ended while somebody looked. */
export interface TaskLine {
  readonly id: string;
  /** Empty where it is not known yet. */
  readonly verb: string;
  /** Whose order it is: names where the device found them, else the key. */
  readonly by: string;
  readonly state: TaskPhase | TaskEnd;
  readonly stage: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit: string;
  /** Why it was refused, failed, or waits. */
  readonly why: string;
  readonly tookMs?: number;
  /** Seconds since 1970 when it was last heard of. */
  readonly at: number;
}

export interface HostTasks {
  readonly host: string;
  /** False: what was under way before is not known yet, or cannot be: see `says`. */
  readonly whole: boolean;
  readonly says: string;
  readonly tasks: readonly TaskLine[];
}

export interface SensorLine {
  readonly name: string;
  readonly kind: string;
  readonly unit: string;
  /** Absent where there was no reading: see `says`. */
  readonly value?: number;
  readonly state: 'well' | 'low' | 'high' | 'no limits' | 'no reading';
  readonly low?: number;
  readonly high?: number;
  readonly says: string;
}

/** One reading of all sensors, or that there was none. */
export interface SensorNews {
  readonly host: string;
  /** Seconds since 1970. */
  readonly at: number;
  /** Why there is no reading; empty where there is one. */
  readonly says: string;
  readonly sensors: readonly SensorLine[];
  /** Milliseconds to the next; absent: no more until somebody asks for more. */
  readonly nextMs?: number;
}

/** Which host a page looks at from now on; none where `host` is absent. `stream` is the id that its stream began with. */
export interface LookBody {
  readonly stream: string;
  readonly host?: string;
  /** Whether the sensors are to be read again and again. */
  readonly sensors: boolean;
}
