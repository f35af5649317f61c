import { ACCOUNT_INDEX, COST_KEY_COUNT, COST_KEY_INDEX } from '../cost/keys.js';
import type { Ledger } from '../cost/ledger.js';
import type { CpuProfile } from '../cost/profile.js';

const WALK_ROW = ACCOUNT_INDEX.walk * COST_KEY_COUNT;
const CACHED = COST_KEY_INDEX['walk.cached'];

/**
 * The processor's page-walk cache, see CpuProfile.walkCache: which entries of page tables a walk need not read from memory.
 * It is about cost alone: an entry counts as it is in memory. FIFO, as the TLB, so that a hit changes nothing.
 */
export class WalkCache {
  /** Host-physical addresses of entries; -1: free. */
  private readonly addresses: Float64Array;
  private next = 0;

  constructor(
    { walkCache }: CpuProfile,
    private readonly ledger: Ledger,
  ) {
    this.addresses = new Float64Array(walkCache?.entries ?? 0).fill(-1);
  }

  get exists(): boolean {
    return this.addresses.length > 0;
  }

  /**
   * Charges for one reference of a walk.
   * @param key position of what it costs when memory has to be read. @param hpa where the entry lies.
   */
  charge(key: number, hpa: number, upper: boolean): void {
    const { addresses } = this;
    const hit = upper && addresses.includes(hpa);
    this.ledger.chargeAt(WALK_ROW, hit ? CACHED : key, 1);
    if (!upper || hit || addresses.length === 0) return;
    addresses[this.next] = hpa;
    this.next = (this.next + 1) % addresses.length;
  }
}
