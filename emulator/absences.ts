import { PAGE_BYTES } from './arch/paging.js';
import type { Machine } from './machine.js';

/** What software asked for in vain, with how often: so that a user sees what is missing. Keys of 0x… are hexadecimal. */
export interface Absences {
  /** Instructions outside the set, by form (#UD to the guest), registers and modes that the processor does not offer. */
  processor: Readonly<Record<string, number>>;
  /** Ports where no device answers: reads give all ones, writes are dropped. */
  ports: Readonly<Record<string, number>>;
  /**
   * Physical addresses where nothing answers, by the start of their page: the same. A monitor maps all such pages
   * of its guest to one of its own, so of the accesses that it lets run only their number is known: 'unbacked'.
   */
  addresses: Readonly<Record<string, number>>;
}

/** @param host the physical machine. @param guest the virtual one, or the same. */
export function reportAbsences(host: Machine, guest: Machine): Absences {
  const machines = host === guest ? [host] : [host, guest];
  return {
    processor: sum(machines.map(({ missing }) => missing)),
    ports: byAddress(guest.ports.unclaimed, 1),
    addresses: {
      ...byAddress(guest.mmio.unclaimed, PAGE_BYTES),
      ...(host === guest ? {} : unbacked(host.mmio.unclaimed)),
    },
  };
}

function sum(counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [what, count] of counts.flatMap((one) => [...one])) total[what] = (total[what] ?? 0) + count;
  return total;
}

/** In ascending order. */
function byAddress(counts: ReadonlyMap<number, number>, unitBytes: number): Record<string, number> {
  const rows = [...counts].sort(([a], [b]) => a - b);
  return Object.fromEntries(rows.map(([at, count]) => [`0x${(at * unitBytes).toString(16)}`, count]));
}

function unbacked(counts: ReadonlyMap<number, number>): Record<string, number> {
  const total = [...counts.values()].reduce((all, count) => all + count, 0);
  return total === 0 ? {} : { unbacked: total };
}
