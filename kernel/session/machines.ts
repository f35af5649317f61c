import { runSeveral } from '../../emulator/index.js';
import type {
  CpuProfile,
  GuestShare,
  ProfileName,
  SeveralResult,
  SeveralRunOptions,
} from '../../emulator/index.js';
import type { MimeBundle } from '../display/bundle.js';
import { formatNumber } from '../display/numbers.js';
import { table } from '../display/table.js';
import { current } from './current.js';
import { displaySymbol } from './display.js';
import type { Displayable } from './display.js';
import { checkGuest } from './guest.js';
import type { Guest } from './guest.js';
import { interruptibly } from './interrupt.js';
import { checkOptions } from './options.js';
import { Progress } from './progress.js';

export type MachinesOptions = Pick<
  SeveralRunOptions,
  'technique' | 'memoryBytes' | 'switches' | 'limits' | 'sliceCycles'
> & { profile?: ProfileName | CpuProfile };

/** Guests that have shared a machine: what each gave, and whose the cycles were. */
export class SharedMachine implements Displayable {
  constructor(
    private readonly names: readonly string[],
    readonly result: SeveralResult,
  ) {}

  /** In the order in which they were given. */
  get guests(): readonly GuestShare[] {
    return this.result.guests;
  }
  get cycles(): number {
    return this.result.cycles;
  }

  [displaySymbol](): MimeBundle {
    const { technique, profile, guests, sliceCycles, cycles, betweenCycles } = this.result;
    return table({
      caption: `${guests.length} guests under ${technique} on one ${profile}, in turns of ${formatNumber(sliceCycles, 'integer')} cycles`,
      columns: [
        { key: 'guest', label: 'guest' },
        { key: 'outcome', label: 'outcome' },
        { key: 'turns', label: 'turns', format: 'integer' },
        { key: 'cycles', label: 'cycles', format: 'integer' },
        { key: 'share', label: 'of all', format: 'percent' },
        { key: 'exits', label: 'exits', format: 'integer' },
      ],
      rows: [
        ...guests.map(({ outcome, turns, cycles: part, exits }, index) => ({
          guest: this.names[index],
          outcome,
          turns,
          cycles: part,
          share: part / cycles,
          exits: Object.values(exits).reduce((total, { count }) => total + count, 0),
        })),
        { guest: '(between turns)', cycles: betweenCycles, share: betweenCycles / cycles },
      ],
    });
  }
}

/**
 * Runs several guests on one machine, each in a virtual machine of its own, in turns of `sliceCycles`, until all have ended
 * or a limit is reached. A guest that waits in HLT gives up its turn.
 * @throws ImageError, RangeError for what cannot be run; a guest's own failure is an outcome, no error.
 */
export function machines(guests: readonly Guest[], options: MachinesOptions = {}): SharedMachine {
  guests.forEach(checkGuest);
  checkOptions('machines(guests, options)', options);
  const { technique, profile } = current;
  const chosen: SeveralRunOptions = {
    ...(technique && technique !== 'native' && { technique }),
    ...(profile && { profile }),
    ...options,
  };
  const progress = new Progress(`${guests.length} guests`);
  const several = guests.map(({ bytes, inputs }) => ({ ...inputs, image: bytes }));
  const result = interruptibly(() => runSeveral(several, { ...chosen, onProgress: progress.report }));
  progress.end({ instructions: result.instructions, cycles: result.cycles });
  current.count++;
  current.cycles += result.cycles;
  return new SharedMachine(
    guests.map(({ name }) => name),
    result,
  );
}
