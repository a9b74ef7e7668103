import type { AtaFault, SataRelay, SataTarget } from '../target.ts';

/**
 * A target behind a gate that is asked before each command: where it gives a fault, that is the answer and the target is
 * not touched. Adds no promise to a command that passes.
 */
export function gatedTarget(target: SataTarget, shut: () => AtaFault | undefined): SataTarget {
  const { relay } = target;
  const pass = <T>(command: () => Promise<T>): Promise<T> => {
    const fault = shut();
    return fault === undefined ? command() : Promise.reject(fault);
  };
  const doors = (inner: SataRelay): SataRelay => ({
    read(lba, into, signal) {
      const fault = shut();
      return fault === undefined ? inner.read(lba, into, signal) : Promise.reject(fault);
    },
    write(lba, data, fua, signal) {
      const fault = shut();
      return fault === undefined ? inner.write(lba, data, fua, signal) : Promise.reject(fault);
    },
    verify(lba, count, signal) {
      const fault = shut();
      return fault === undefined ? inner.verify(lba, count, signal) : Promise.reject(fault);
    },
  });
  return {
    ...doors(target),
    ...(relay === undefined ? {} : { relay: doors(relay) }),
    identify: (signal) => pass(() => target.identify(signal)),
    trim: (ranges, signal) => pass(() => target.trim(ranges, signal)),
    flush: (signal) => pass(() => target.flush(signal)),
    smartStatus: (signal) => pass(() => target.smartStatus(signal)),
  };
}
