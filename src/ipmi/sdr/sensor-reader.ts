import { type Carrier, runCommand } from '../command.ts';
import { getSdrRepositoryInfo, type SdrRepositoryInfo } from '../commands/get-sdr-repository-info.ts';
import { getSensorReading } from '../commands/get-sensor-reading.ts';
import { getSensorReadingFactors } from '../commands/get-sensor-reading-factors.ts';
import { IpmiCompletion } from '../faults.ts';
import { BMC_ADDRESS } from '../wire/message.ts';
import { NON_LINEAR } from './convert.ts';
import { type Repository, readRepository } from './read-repository.ts';
import { decodeReading, type Reading } from './reading.ts';
import type { SdrRecord } from './record.ts';
import { type AnySensor, sensorsOf } from './shared.ts';

export interface SensorNow {
  readonly sensor: AnySensor;
  readonly reading: Reading;
}

/** All sensors of a BMC. Its repository is read once, and again only when it has changed. */
export class SensorReader {
  readonly #carrier: Carrier;
  #repository: Repository | undefined;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  async records(signal: AbortSignal): Promise<readonly SdrRecord[]> {
    const kept = this.#repository;
    if (kept !== undefined) {
      const info = await runCommand(this.#carrier, getSdrRepositoryInfo, undefined, signal);
      if (isSame(kept.info, info)) return kept.records;
    }
    this.#repository = await readRepository(this.#carrier, signal);
    return this.#repository.records;
  }

  async read(signal: AbortSignal): Promise<readonly SensorNow[]> {
    const now: SensorNow[] = [];
    for (const sensor of sensorsOf(await this.records(signal)))
      now.push({ sensor, reading: await this.#reading(sensor, signal) });
    return now;
  }

  async #reading(sensor: AnySensor, signal: AbortSignal): Promise<Reading> {
    if (sensor.is === 'event-only') return { is: 'none', why: 'event-only' };
    // What another controller has would have to be asked for over a bridge.
    if (sensor.owner !== BMC_ADDRESS || sensor.channel !== 0) return { is: 'none', why: 'elsewhere' };
    const { number, lun } = sensor;
    try {
      const raw = await runCommand(this.#carrier, getSensorReading, { sensor: number }, signal, lun);
      const readable = raw.scanning && !raw.unavailable;
      if (!readable || sensor.is !== 'full' || sensor.linearisation < NON_LINEAR)
        return decodeReading(sensor, raw);
      const wanted = { sensor: number, raw: raw.raw };
      const { factors } = await runCommand(this.#carrier, getSensorReadingFactors, wanted, signal, lun);
      return decodeReading({ ...sensor, factors }, raw);
    } catch (error) {
      if (error instanceof IpmiCompletion)
        return { is: 'none', why: 'refused', completion: error.completion };
      throw error;
    }
  }
}

const isSame = (a: SdrRepositoryInfo, b: SdrRepositoryInfo): boolean =>
  a.records === b.records && a.lastAddition === b.lastAddition && a.lastErase === b.lastErase;
