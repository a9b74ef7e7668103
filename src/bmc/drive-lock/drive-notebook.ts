import { asNsError, equalBytes, NsError, type StoredCopy, Turns } from '../../base/index.ts';
import type { Entropy, LogSink, StateStore } from '../../ports/index.ts';
import {
  DRIVE_DOCUMENTS,
  DRIVE_WITNESS,
  type DriveNote,
  type DriveNotes,
  decodeDriveNotes,
  encodeDriveNotes,
  judgeDriveNotes,
} from './drive-notes.ts';
import { DRIVE_SECRET_BYTES, drivePassword } from './drive-password.ts';

type Documents = Pick<StateStore, 'readDocument' | 'writeDocument'>;

export interface NotebookOptions {
  readonly store: Documents;
  readonly entropy: Entropy;
  readonly log: LogSink;
  /** Another medium: a copy survives there if own storage does not. */
  readonly witness?: Documents;
}

/** The secret and the notes, in two copies and one beside the lock's witness; what it tells is on stable storage. */
export class DriveNotebook {
  readonly #options: NotebookOptions;
  #held: DriveNotes | undefined;
  readonly #turns = new Turns();

  private constructor(options: NotebookOptions, held: DriveNotes | undefined) {
    this.#options = options;
    this.#held = held;
  }

  /** Mends copies that differ; makes the secret of a device that never had one. One that was damaged is not replaced. */
  static async open(options: NotebookOptions): Promise<DriveNotebook> {
    const judged = await readDriveNotes(options);
    const { witness, ...own } = options;
    if (judged.is === 'whole' && (await isOfAnother(witness, judged.record))) {
      options.log.log('error', 'drive-lock.witness-of-another');
      return new DriveNotebook(own, judged.record);
    }
    if (judged.is === 'damaged') {
      options.log.log('error', 'drive-lock.damaged');
      return new DriveNotebook(options, undefined);
    }
    const notebook = new DriveNotebook(
      options,
      judged.is === 'whole'
        ? judged.record
        : { secret: options.entropy.randomBytes(DRIVE_SECRET_BYTES), notes: [] },
    );
    await notebook.keep(notebook.notes);
    return notebook;
  }

  /** False: what was kept is damaged, and no password is known or given. */
  get whole(): boolean {
    return this.#held !== undefined;
  }

  get notes(): readonly DriveNote[] {
    return this.#held?.notes ?? [];
  }

  /** Durable on return. A witness that fails keeps nothing from being done: it says so. */
  keep(notes: readonly DriveNote[]): Promise<void> {
    if (this.#held === undefined) return Promise.reject(damaged());
    this.#held = { ...this.#held, notes };
    return this.#turns.take(() => this.#write());
  }

  password({ serial, n }: Pick<DriveNote, 'serial' | 'n'>): Uint8Array {
    if (this.#held === undefined) throw damaged();
    return new TextEncoder().encode(drivePassword(this.#held.secret, serial, n));
  }

  async #write(): Promise<void> {
    const { store, witness, log } = this.#options;
    if (this.#held === undefined) return;
    const bytes = encodeDriveNotes(this.#held);
    for (const name of DRIVE_DOCUMENTS) await store.writeDocument(name, bytes);
    await witness?.writeDocument(DRIVE_WITNESS, bytes).catch((error: unknown) => {
      log.log('error', 'drive-lock.witness-failed', { error: asNsError(error, 'NS_STATE_IO').message });
    });
  }
}

/** Of own storage, and of the witness where there is one. */
export async function readDriveNotes({
  store,
  witness,
}: {
  readonly store: Pick<Documents, 'readDocument'>;
  readonly witness?: Pick<Documents, 'readDocument'>;
}): Promise<StoredCopy<DriveNotes>> {
  const own = await Promise.all(
    DRIVE_DOCUMENTS.map(async (name) => decodeDriveNotes(await store.readDocument(name))),
  );
  const other = await witness?.readDocument(DRIVE_WITNESS).catch(() => undefined);
  return judgeDriveNotes([...own, decodeDriveNotes(other)]);
}

/** A witness with another secret, by which drives may be locked: whoever put it there wants it as it is. */
async function isOfAnother(
  witness: Pick<Documents, 'readDocument'> | undefined,
  { secret }: DriveNotes,
): Promise<boolean> {
  const copy = decodeDriveNotes(await witness?.readDocument(DRIVE_WITNESS).catch(() => undefined));
  if (copy.is !== 'whole' || equalBytes(copy.record.secret, secret)) return false;
  return copy.record.notes.some(({ is }) => is !== 'opened');
}

const damaged = (): NsError => new NsError('NS_STATE_IO', "the record of the drives' passwords is damaged");
