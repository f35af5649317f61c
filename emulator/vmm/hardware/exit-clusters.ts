/** Exits in a row of the same pair of places after which the second is avoided (ATC 2012: on the third exit). */
const SIGHTINGS = 3;
/** Instructions between two exits of one cluster (ATC 2012: 16 are scanned). */
const MAX_INSTRUCTIONS = 16;
/** Instructions that one exit may take along: a loop of exits goes on after the next one. */
const MAX_RUN = 64;
/** Places remembered; beyond them all are forgotten, as a fixed table would. */
const MAX_PLACES = 4096;

interface Successor {
  /** Instructions from one exit to the next, the second included. */
  length: number;
  sightings: number;
}

/**
 * Exits that follow each other closely (Agesen, Mattson, Rugina, Sheldon, "Software Techniques for Avoiding Hardware
 * Virtualization Exits", USENIX ATC 2012): instructions that exit one after the other, and the two halves of a page
 * table entry. Once a place has been left for the same next exit often enough, the monitor does not resume the guest
 * after the first but carries out what lies between on the virtual processor. What is predicted wrongly costs, no more.
 */
export class ExitClusters {
  private readonly successors = new Map<number, Successor>();
  private last: { place: number; instructions: number } | null = null;

  /**
   * The guest exited. @param instructions executed by the guest so far.
   * @returns instructions newly known to belong together, to be paid for as translated; 0 usually.
   */
  noteExit(instructions: number): number {
    const { last } = this;
    this.last = null;
    if (last === null) return 0;
    const length = instructions - last.instructions + 1;
    if (length > MAX_INSTRUCTIONS) return 0;
    const known = this.successors.get(last.place);
    if (known === undefined || known.length !== length) {
      if (this.successors.size >= MAX_PLACES) this.successors.clear();
      this.successors.set(last.place, { length, sightings: 1 });
      return 0;
    }
    known.sightings++;
    return known.sightings === SIGHTINGS ? length : 0;
  }

  /** The instruction of an exit has been emulated, and the guest is about to run on. @param instructions executed by the guest so far. */
  noteResume(place: number, instructions: number): void {
    this.last = { place, instructions };
  }

  /**
   * How many instructions after the one at `place` to carry out before the guest runs on; 0: none.
   * @param done instructions that this exit has taken along already.
   */
  following(place: number, done: number): number {
    const known = this.successors.get(place);
    if (known === undefined || known.sightings < SIGHTINGS) return 0;
    return done + known.length <= MAX_RUN ? known.length : 0;
  }
}
