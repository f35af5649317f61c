import t from 'tap';
import {
  EXIT_CR_WRITE,
  EXIT_DR_READ,
  EXIT_EXCEPTION,
  EXIT_INVALID,
  EXIT_NESTED_PAGE_FAULT,
  INTERCEPTS,
  VMCB_BYTES,
  VMCB_CONTROL,
  VMCB_STATE,
  exitCodeName,
  interceptBit,
} from '../../emulator/arch/vmcb.js';

/** Spot checks against the manual's table B-1: exit code, word of the control area, bit. */
const bits: { name: string; exitCode: number; offset: number; bit: number }[] = [
  { name: 'CR0 read', exitCode: 0x00, offset: 0x000, bit: 0 },
  { name: 'CR3 write', exitCode: EXIT_CR_WRITE + 3, offset: 0x000, bit: 19 },
  { name: 'DR7 read', exitCode: EXIT_DR_READ + 7, offset: 0x004, bit: 7 },
  { name: '#PF', exitCode: EXIT_EXCEPTION + 14, offset: 0x008, bit: 14 },
  { name: 'INTR', exitCode: INTERCEPTS.INTR, offset: 0x00c, bit: 0 },
  { name: 'VINTR', exitCode: INTERCEPTS.VINTR, offset: 0x00c, bit: 4 },
  { name: 'CPUID', exitCode: INTERCEPTS.CPUID, offset: 0x00c, bit: 18 },
  { name: 'HLT', exitCode: INTERCEPTS.HLT, offset: 0x00c, bit: 24 },
  { name: 'IOIO', exitCode: INTERCEPTS.IOIO, offset: 0x00c, bit: 27 },
  { name: 'MSR', exitCode: INTERCEPTS.MSR, offset: 0x00c, bit: 28 },
  { name: 'SHUTDOWN', exitCode: INTERCEPTS.SHUTDOWN, offset: 0x00c, bit: 31 },
  { name: 'VMRUN', exitCode: INTERCEPTS.VMRUN, offset: 0x010, bit: 0 },
  { name: 'VMMCALL', exitCode: INTERCEPTS.VMMCALL, offset: 0x010, bit: 1 },
];

for (const { name, exitCode, offset, bit } of bits) {
  t.test(`the intercept of ${name}`, async (t) =>
    t.strictSame(interceptBit(exitCode), { offset, mask: 1 << bit }),
  );
}

const names: [number, string][] = [
  [0x00, 'CR0_READ'],
  [0x13, 'CR3_WRITE'],
  [0x27, 'DR7_READ'],
  [0x36, 'DR6_WRITE'],
  [0x4e, 'EXCP14'],
  [0x7b, 'IOIO'],
  [0x81, 'VMMCALL'],
  [EXIT_NESTED_PAGE_FAULT, 'NPF'],
  [EXIT_INVALID, 'INVALID'],
  [0xffff_ffff, 'INVALID'],
  [0x9f0, '0x9f0'],
];

for (const [code, name] of names) {
  t.test(`exit code ${code} is ${name}`, async (t) => t.equal(exitCodeName(code), name));
}

t.test('no two fields overlap and all lie in the page', async (t) => {
  const fields = Object.entries({ ...VMCB_CONTROL, ...VMCB_STATE }).sort(
    ([, a], [, b]) => a.offset - b.offset,
  );
  let end = 0;
  for (const [name, { offset, bytes }] of fields) {
    t.ok(offset >= end, name);
    t.equal(offset % bytes, 0, `${name} is aligned`);
    end = offset + bytes;
  }
  t.ok(end <= VMCB_BYTES);
});
