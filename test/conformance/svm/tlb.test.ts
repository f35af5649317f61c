import t from 'tap';
import { EBX } from '../../../emulator/arch/registers.js';
import { VMCB_CONTROL, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, CODE } from './bench.js';

// --- the TLB (section 15.16 "TLB Control")

const DATA = 0x3_0000;
const OTHER = 0x3_1000;

const tlb: { name: string; control?: number; asid?: number; between?: string; stale: boolean }[] = [
  { name: 'a stale entry survives VMRUN and #VMEXIT', stale: true },
  { name: 'TLB_CONTROL 1 flushes all', control: 1, stale: false },
  { name: 'TLB_CONTROL 3 flushes this guest', control: 3, stale: false },
  { name: 'TLB_CONTROL 7 flushes this guest but global entries', control: 7, stale: false },
  { name: 'another ASID does not see it', asid: 2, stale: false },
];

for (const { name, control = 0, asid = 1, stale } of tlb) {
  t.test(`TLB: ${name}`, async (t) => {
    const bench = new Bench().load(`mov ebx, [${DATA}]\nvmmcall`).paging();
    const { memory, cpu } = bench.machine;
    memory.write32(DATA, 0x0101_0101);
    memory.write32(OTHER, 0x0202_0202);
    bench.run();
    t.equal(cpu.gpr(EBX), 0x0101_0101);
    memory.write32(0xc000 + (DATA >>> 12) * 4, OTHER | 7);
    bench.vmcb.write(VMCB_STATE.rip, CODE);
    bench.vmcb.write(VMCB_CONTROL.tlbControl, control);
    bench.vmcb.write(VMCB_CONTROL.asid, asid);
    bench.run();
    t.equal(cpu.gpr(EBX), stale ? 0x0101_0101 : 0x0202_0202);
  });
}
