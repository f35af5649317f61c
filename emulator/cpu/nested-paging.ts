import { CR4_PAE, CR4_PSE, EFER_NXE } from '../arch/control.js';
import { PAE_ROOT_MASK, PTE_D, PTE_FRAME, PTE_W } from '../arch/paging.js';
import type { PagingFormat, PagingFormats } from '../arch/paging.js';
import { PF_PRESENT } from '../arch/vectors.js';
import { NPF_FINAL, NPF_GUEST_TABLE } from '../arch/vmcb.js';
import { COST_KEY_INDEX } from '../cost/keys.js';
import type { PhysicalMemory } from '../platform/memory.js';
import { PageWalk, markUsed, pageAccess, pageFaultCode, permits, walkTables } from '../platform/page-walk.js';
import type { PageAccess, TableAccess } from '../platform/page-walk.js';
import type { WalkCache } from './walk-cache.js';

/** A nested page fault as #VMEXIT reports it (APM vol. 2, section 15.25.6 "Nested Page Faults, Fault Ordering"). */
export interface NestedFault {
  gpa: number;
  /** EXITINFO1: as a page fault's error code; the high half says where in the guest's translation it happened. */
  info1: number;
  info1High: number;
}

/** The registers that fix how nested tables are read: those of the host, as they are at VMRUN. */
export interface NestedRoot {
  /** N_CR3. */
  cr3: number;
  cr4: number;
  efer: number;
}

/** The processor's accesses to the guest's tables are writes by the user, whatever the guest does. */
export const TABLE_ACCESS: PageAccess = { write: true, user: true, fetch: false };
const NESTED_REFERENCE = COST_KEY_INDEX['walk.nested.reference'];

/**
 * The second dimension: guest-physical to host-physical through the host's tables (APM vol. 2, rev. 3.44, section 15.25
 * "Nested Paging"). Every access at this level is a user's; CR0.WP of the host does not count.
 */
export class NestedPaging implements TableAccess {
  /** The way of the last translation. Its leaf tells what a TLB entry may promise. */
  readonly walk = new PageWalk();
  private format: PagingFormat;
  private root = 0;
  private noExecuteEnabled = false;

  constructor(
    readonly memory: PhysicalMemory,
    private readonly walkCache: WalkCache,
    private readonly formats: PagingFormats,
    /** The A20 gate, applied to what goes to the bus. */
    private readonly masked: (address: number) => number,
    /** Leaves the guest. */
    private readonly onFault: (fault: NestedFault) => never,
  ) {
    this.format = formats.twoLevel;
  }

  /** VMRUN with NP_ENABLE: nested tables have the format of the host's own. */
  enter({ cr3, cr4, efer }: NestedRoot): void {
    const { formats } = this;
    const pae = (cr4 & CR4_PAE) !== 0;
    this.noExecuteEnabled = pae && (efer & EFER_NXE) !== 0;
    if (pae) this.format = this.noExecuteEnabled ? formats.paeNx : formats.pae;
    else this.format = (cr4 & CR4_PSE) !== 0 ? formats.twoLevelPse : formats.twoLevel;
    this.root = (pae ? cr3 & PAE_ROOT_MASK : cr3 & PTE_FRAME) >>> 0;
  }

  /** Size of the large pages of the nested format, as a shift. */
  get largeShift(): 21 | 22 {
    return this.format.entryBytes === 8 ? 21 : 22;
  }

  locate(address: number, upper: boolean): number {
    const hpa = this.masked(address);
    this.walkCache.charge(NESTED_REFERENCE, hpa, upper);
    return hpa;
  }

  /** Where an entry of the guest's tables lies. @returns its host-physical address. */
  translateTable(gpa: number): number {
    return this.translate(gpa, TABLE_ACCESS, NPF_GUEST_TABLE);
  }

  /** The guest's own access, its rights in the guest's tables checked before. @returns the host-physical address. */
  translateFinal(gpa: number, { write, fetch }: PageAccess): number {
    return this.translate(gpa, pageAccess(write, true, fetch), NPF_FINAL);
  }

  /** Whether the last translation's page lets every write through from now on: W and D are set. */
  get writable(): boolean {
    const { walk } = this;
    return (walk.rights & PTE_W) !== 0 && (walk.leaf & PTE_D) !== 0;
  }

  /** Without side effects. @returns the host-physical address, or null where the access would fault. */
  probe(gpa: number, access: PageAccess): number | null {
    const walk = new PageWalk();
    const tables = { memory: this.memory, locate: this.masked };
    if (gpa > 0xffff_ffff || !walkTables(walk, this.format, 0, this.root, gpa, tables)) return null;
    if (!permits(walk, { ...access, user: true }, true)) return null;
    return this.masked(walk.frame + (gpa & ((1 << walk.pageShift) - 1)));
  }

  private translate(gpa: number, access: PageAccess, stage: number): number {
    const { walk } = this;
    // Guest-physical addresses beyond 32 bits have no place in tables of this format.
    if (gpa > 0xffff_ffff) this.fault(gpa, 0, access, stage);
    if (!walkTables(walk, this.format, 0, this.root, gpa, this)) this.fault(gpa, walk.cause, access, stage);
    if (!permits(walk, access, true)) this.fault(gpa, PF_PRESENT, access, stage);
    markUsed(this, walk, access.write);
    return this.masked(walk.frame + (gpa & ((1 << walk.pageShift) - 1)));
  }

  private fault(gpa: number, cause: number, access: PageAccess, stage: number): never {
    const info1 = pageFaultCode(cause, access, this.noExecuteEnabled);
    return this.onFault({ gpa, info1, info1High: stage });
  }
}
