import t from 'tap';
import { INTERCEPTS, VMCB_CONTROL, VMCB_SEGMENTS, VMCB_STATE } from '../../../emulator/arch/vmcb.js';
import { Bench, CODE, STACK } from './bench.js';

// --- event injection (section 15.20 "Event Injection")

const HANDLERS = `
start:  vmmcall
handler:
        mov eax, [esp]
        mov ebx, [esp + 4]
        mov ecx, [esp + 12]
here:   vmmcall
`;

interface Injection {
  name: string;
  event: number;
  errorCode?: number;
  vector: number;
  prepare?: (bench: Bench) => void;
  dpl?: number;
  /** What lies on top of the handler's stack. */
  top?: number;
}

const injections: Injection[] = [
  { name: 'an external interrupt, IF clear', event: 0x8000_0040, vector: 0x40, top: CODE },
  { name: 'an NMI; its vector field does not count', event: 0x8000_0255, vector: 2, top: CODE },
  { name: 'an exception without code', event: 0x8000_0300, vector: 0, top: CODE },
  { name: 'an exception with code', event: 0x8000_0b0d, errorCode: 0x1234, vector: 13, top: 0x1234 },
  { name: 'a software interrupt', event: 0x8000_0440, vector: 0x40, top: CODE },
  {
    name: 'an exception that is intercepted all the same',
    event: 0x8000_0b0d,
    errorCode: 8,
    vector: 13,
    prepare: (b) => void b.intercept(0x4d),
    top: 8,
  },
  {
    name: 'a software interrupt from CPL 3 through a gate of DPL 3',
    event: 0x8000_0440,
    vector: 0x40,
    dpl: 3,
    prepare: (b) => void b.user(),
    top: CODE,
  },
  {
    name: 'a software interrupt from CPL 3 through a gate of DPL 0 becomes #GP',
    event: 0x8000_0440,
    vector: 13,
    prepare: (b) => void b.gate(0x40, 'start').user(),
    top: 0x40 * 8 + 2,
  },
  {
    name: '#BP from CPL 3 through a gate of DPL 0 becomes #GP',
    event: 0x8000_0303,
    vector: 13,
    prepare: (b) => void b.gate(3, 'start').user(),
    top: 3 * 8 + 2,
  },
  {
    name: 'an external interrupt from CPL 3 does not look at the DPL',
    event: 0x8000_0040,
    vector: 0x40,
    prepare: (b) => void b.user(),
    top: CODE,
  },
];

for (const { name, event, errorCode = 0, vector, prepare, dpl = 0, top } of injections) {
  t.test(`EVENTINJ: ${name}`, async (t) => {
    const bench = new Bench().load(HANDLERS).gate(vector, 'handler', dpl);
    prepare?.(bench);
    bench.vmcb.write(VMCB_CONTROL.eventInjection, event, errorCode);
    bench.run();
    t.equal(bench.exit.code, INTERCEPTS.VMMCALL);
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal(bench.vmcb.read(VMCB_STATE.rax), top);
    t.equal(bench.vmcb.read(VMCB_CONTROL.eventInjection), 0, 'EVENTINJ is used up');
    t.equal(bench.vmcb.read(VMCB_STATE.cpl), 0);
  });
}

t.test('EVENTINJ without its valid bit does nothing', async (t) => {
  const bench = new Bench().load(HANDLERS);
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x0000_0d0d, 5);
  bench.run();
  t.equal(bench.exit.eip, bench.symbols.start);
});

t.test('an injected #PF leaves CR2 as the VMCB has it', async (t) => {
  const bench = new Bench().load(HANDLERS).gate(14, 'handler');
  bench.vmcb.write(VMCB_STATE.cr2, 0xcafe_0000);
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0b0e, 2);
  bench.run();
  t.equal(bench.exit.eip, bench.symbols.here);
  t.equal(bench.vmcb.read(VMCB_STATE.cr2), 0xcafe_0000);
});

t.test('an injection that cannot be delivered is a shutdown', async (t) => {
  const bench = new Bench().load(HANDLERS);
  bench.vmcb.setTable(VMCB_SEGMENTS.idtr, { base: 0, limit: 0 });
  bench.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0040);
  bench.run();
  t.equal(bench.exit.code, INTERCEPTS.SHUTDOWN);
});

// --- an exit during the delivery of an event (section 15.7.2 "Intercepts During IDT Interrupt Delivery")

const PF = 0x4e;
/** The stack's page, which is not there when the event is pushed. */
const HOLE = STACK - 0x1000;

const interrupted: {
  name: string;
  code: string;
  vector: number;
  event: number;
  errorCode?: number;
  prepare?: (b: Bench) => void;
}[] = [
  { name: '#DE', code: 'xor ecx, ecx\nhere: div ecx', vector: 0, event: 0x8000_0300 },
  {
    name: '#GP with its code',
    code: 'mov eax, 0x1230\nhere: mov ds, ax',
    vector: 13,
    event: 0x8000_0b0d,
    errorCode: 0x1230,
  },
  { name: 'int n', code: 'here: int 0x40', vector: 0x40, event: 0x8000_0440 },
  { name: 'int3', code: 'here: int3', vector: 3, event: 0x8000_0303 },
  {
    name: 'an injected interrupt',
    code: 'here: nop',
    vector: 0x40,
    event: 0x8000_0040,
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0040),
  },
  {
    name: 'an injected exception that would make a double fault',
    code: 'here: nop',
    vector: 14,
    event: 0x8000_0b0e,
    errorCode: 6,
    prepare: (b) => b.vmcb.write(VMCB_CONTROL.eventInjection, 0x8000_0b0e, 6),
  },
];

for (const { name, code, vector, event, errorCode = 0, prepare } of interrupted) {
  t.test(`EXITINTINFO: a page fault while ${name} is delivered`, async (t) => {
    const bench = new Bench().intercept(PF).load(code).gate(vector, 'here').paging(HOLE);
    prepare?.(bench);
    bench.run();
    t.equal(bench.exit.code, PF);
    t.equal(bench.exit.info2 & ~0xfff, HOLE);
    t.equal(bench.exit.interrupted, event);
    t.equal(bench.exit.errorCode, errorCode);
    t.equal(bench.exit.eip, bench.symbols.here);
    t.equal(bench.vmcb.read(VMCB_STATE.rsp), STACK, 'nothing was pushed');
  });
}
