import type { Verdict } from '../../base/index.ts';

/** A whole chain as its head knows it, in words and numbers. */
export interface ChainReport {
  /** The disk that the chain is to the host: "disk0". */
  readonly disk: string;
  /** The chain's id, 16 hexadecimal digits; absent while it is not enrolled. */
  readonly chain?: string;
  /** The head's PTTRSM: "T4", and what that means. */
  readonly state: string;
  readonly stateWords: string;
  /** Of all drives that are heard. */
  readonly sectors: number;
  /** What the host sees; 0 while nothing is shown to it. */
  readonly presentedSectors: number;
  readonly sectorSize: number;
  readonly held: boolean;
  readonly degraded: boolean;
  /** Why the chain shows nothing, or less than it should. */
  readonly trouble: readonly ChainTrouble[];
  /** Mirrors and spares at the head, where there are any. */
  readonly array?: ArraySummary;
  /** By place, the head first; departed units are not listed. */
  readonly units: readonly UnitReport[];
  readonly findings: readonly ChainTrouble[];
  /** Whether the neighbours of the head know exactly what it knows. */
  readonly inStep: boolean;
  /** What an operator may accept as it is. */
  readonly question?: ChainQuestion;
}

export interface ChainTrouble {
  /** Stable: "missing-below", "foreign-chain", "twice". */
  readonly code: string;
  readonly sentence: string;
  readonly remedy: string;
}

export interface ArraySummary {
  readonly kind: string;
  readonly state: string;
  readonly sentence: string;
}

/** Members are missing or others than before, and somebody must say that this is the whole disk from now on. */
export interface ChainQuestion {
  /** 16 hexadecimal digits that stand for exactly what is there now. */
  readonly id: string;
  readonly sentence: string;
}

export interface UnitReport {
  readonly unit: string;
  readonly position?: number;
  /** False where a link between it and the head is down: all that follows is what was known last. */
  readonly heard: boolean;
  readonly drive?: {
    readonly model: string;
    readonly serial: string;
    readonly sectors: number;
    readonly sectorSize: number;
  };
  /** Generations; 0 where the link is down. */
  readonly linkUp: number;
  readonly linkDown: number;
  readonly driveLink: number;
  readonly dsi: RegisterReport;
  readonly csi: RegisterReport;
  readonly state: string;
  readonly stateWords: string;
  readonly epoch: number;
  readonly version: number;
  /** What changed last in this unit, and how many milliseconds after its power-on. */
  readonly changed: { readonly what: string; readonly afterMs: number; readonly latest: boolean };
}

export interface RegisterReport {
  readonly raw: number;
  /** The flags that are set, and fields that are not zero. */
  readonly flags: readonly string[];
}

export type ChainAction =
  | { readonly do: 'resync' }
  /** `question` is the id that the report gave: what is there must still be exactly that. */
  | { readonly do: 'accept'; readonly question: string };

export interface ChainSyncReport {
  readonly disk: string;
  readonly inStep: boolean;
  /** Units whose record at the head was out of date, or missing. */
  readonly updated: readonly { readonly unit: string; readonly position?: number; readonly what: string }[];
  readonly findings: readonly ChainTrouble[];
  /** Present where an action was asked for: what it came to. */
  readonly done?: string;
}

/** What tasks do with a chain. */
export interface ChainControl {
  readonly disk: string;
  status(signal: AbortSignal): Promise<ChainReport>;
  /** Brings all tables in step, after the action where there is one. Ends within some seconds, in step or not. */
  sync(action: ChainAction | undefined, signal: AbortSignal): Promise<Verdict<ChainSyncReport>>;
}
