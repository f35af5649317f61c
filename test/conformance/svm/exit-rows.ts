import t from 'tap';
import { INTERCEPTS, VMCB_CONTROL, VMCB_STATE, exitCodeName } from '../../../emulator/arch/vmcb.js';
import type { CpuProfile } from '../../../emulator/cost/profile.js';
import { pentium4_672 } from '../../../emulator/cost/profiles/pentium4-672.js';
import { Bench } from './bench.js';

/** A guest program and the exit that it is to make. */
export interface Row {
  name: string;
  intercept: number[];
  /** The exit is expected at label `here`; one at `vmmcall` means that nothing was intercepted before. */
  code: string;
  prepare?: (bench: Bench) => void;
  /** After the code is loaded. */
  arrange?: (bench: Bench) => void;
  exit?: number;
  info1?: number;
  info2?: number | ((bench: Bench) => number);
  info2High?: number;
  /** EXITINTINFO, low half. */
  interrupted?: number;
  /** DR6 in the VMCB. */
  dr6?: number;
  dr7?: number;
}

/** Every optional instruction, no optional part of SVM. */
export const FULL: CpuProfile = { ...pentium4_672, features: [...pentium4_672.features, 'rdtscp'] };

/** An end of programs in which nothing is to exit before. */
export const DONE = '\nhere: vmmcall';

/** One test for each row. */
export function testExits(rows: readonly Row[]): void {
  for (const {
    name,
    intercept,
    code,
    prepare,
    arrange,
    exit,
    info1,
    info2,
    info2High,
    interrupted = 0,
    dr6,
    dr7,
  } of rows) {
    t.test(name, async (t) => {
      const bench = new Bench(FULL).intercept(...intercept);
      prepare?.(bench);
      bench.load(code);
      arrange?.(bench);
      t.strictSame(bench.run(), { kind: 'vmexit' });
      const seen = bench.exit;
      t.equal(exitCodeName(seen.code), exitCodeName(exit ?? INTERCEPTS.VMMCALL));
      t.equal(seen.eip, bench.symbols.here, 'rIP');
      t.equal(seen.interrupted, interrupted, 'EXITINTINFO');
      if (info1 !== undefined) t.equal(seen.info1, info1 >>> 0, 'EXITINFO1');
      if (info2 !== undefined)
        t.equal(seen.info2, typeof info2 === 'number' ? info2 : info2(bench), 'EXITINFO2');
      if (info2High !== undefined)
        t.equal(bench.vmcb.readHigh(VMCB_CONTROL.exitInfo2), info2High, 'EXITINFO2, high half');
      if (dr6 !== undefined) t.equal(bench.vmcb.read(VMCB_STATE.dr6), dr6 >>> 0, 'DR6');
      if (dr7 !== undefined) t.equal(bench.vmcb.read(VMCB_STATE.dr7), dr7, 'DR7');
      const sum = Object.values(bench.machine.ledger.accounts()).reduce((total, cycles) => total + cycles, 0);
      t.equal(Math.round(sum * 1000), bench.machine.ledger.ticks, 'the accounts sum to the clock');
      const { transition } = bench.machine.ledger.snapshot();
      t.strictSame(transition, { vmrun: 1, vmexit: 1 });
    });
  }
}
