import type { BreakPoint, ExitReason } from '../../emulator/index.js';

/** A linear address, or a label of the guest. */
export type Place = number | string;

/** What a breakpoint of each kind is about, as it is typed behind `%break`. */
export interface PointKinds {
  address: Place;
  write: Place;
  read: Place;
  access: Place;
  port: number;
  exception: number | string;
  mode: string;
  exit: ExitReason;
}

/** Keys of {@link PointKinds}, as a union that the checker spells out to whoever has typed another. */
const KINDS = [
  'address',
  'write',
  'read',
  'access',
  'port',
  'exception',
  'mode',
  'exit',
] as const satisfies readonly (keyof PointKinds)[];
export type PointKind = (typeof KINDS)[number];

/** Those that can be told how many bytes, or ports, they are about. */
export type SizedKind = 'write' | 'read' | 'access' | 'port';

/** A place alone, or a kind, what it is about, and its size. */
export type PointWords =
  [place: Place] | { [K in PointKind]: [kind: K, about: PointKinds[K], size?: number] }[PointKind];

/**
 * @param addressOf the address of a label; throws for what is none.
 * @throws RangeError for an unknown kind, which a cell that is not type-checked can name.
 */
export function pointOf(words: PointWords, addressOf: (place: Place) => number): BreakPoint {
  if (words.length === 1) return { address: placeOf(words[0], addressOf) };
  if (!KINDS.includes(words[0]))
    throw new RangeError(`no kind of breakpoint is called '${words[0]}'; there are: ${KINDS.join(', ')}`);
  const size = words[2];
  const bytes = size === undefined ? {} : { bytes: size };
  switch (words[0]) {
    case 'address':
      return { address: addressOf(words[1]) };
    case 'write':
      return { write: addressOf(words[1]), ...bytes };
    case 'read':
      return { read: addressOf(words[1]), ...bytes };
    case 'access':
      return { access: addressOf(words[1]), ...bytes };
    case 'port':
      return { port: words[1], ...(size === undefined ? {} : { ports: size }) };
    case 'exception':
      return { exception: words[1] };
    case 'mode':
      return { mode: words[1] };
    case 'exit':
      return { exit: words[1] };
  }
}

const EXAMPLES: Readonly<Record<PointKind, string>> = {
  address: '0x100000',
  write: '0x2000 4',
  read: '0x2000 4',
  access: '0x2000 4',
  port: '0x80',
  exception: '#PF',
  mode: 'real',
  exit: 'HLT',
};

/** The address of a place that stands alone; a kind's name may be a label too, and otherwise lacks what it is about. */
function placeOf(place: Place, addressOf: (place: Place) => number): number {
  const kind = KINDS.find((name) => name === place);
  try {
    return addressOf(place);
  } catch (error) {
    if (kind === undefined) throw error;
    throw new RangeError(`'${kind}' needs what it is about, as in %break ${kind} ${EXAMPLES[kind]}`, {
      cause: error,
    });
  }
}
