/* Exits of ports and model-specific registers, by their permission maps. */
import { EXIT_EXCEPTION, INTERCEPTS } from '../../../emulator/arch/vmcb.js';
import { IOPM_HPA, MSRPM_HPA } from './bench.js';
import { DONE, testExits } from './exit-rows.js';
import type { Row } from './exit-rows.js';

const X = INTERCEPTS;

const rows: Row[] = [
  // Ports (section 15.10 "IOIO Intercepts").
  {
    name: 'in al, imm8: port, size, direction, next rIP',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'here: in al, 0x80\nnext: vmmcall',
    exit: X.IOIO,
    info1: 0x0080_0011,
    info2: (b) => b.symbols.next,
  },
  {
    name: 'out dx, eax: 32 bits, out',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + (0x3f8 >> 3), 1),
    code: 'mov edx, 0x3f8\nhere: out dx, eax\nnext: vmmcall',
    exit: X.IOIO,
    info1: 0x03f8_0040,
    info2: (b) => b.symbols.next,
  },
  {
    name: 'a clear bit in the I/O permissions map lets the port through',
    intercept: [X.IOIO],
    code: 'in al, 0x80' + DONE,
  },
  {
    name: 'without the IOIO intercept the map does not count',
    intercept: [],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'in al, 0x80' + DONE,
  },
  {
    name: 'a wide access exits when any of its ports is marked',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + (0x83 >> 3), 1 << (0x83 & 7)),
    code: 'here: in eax, 0x80',
    exit: X.IOIO,
    info1: 0x0080_0041,
    info2: (b) => b.symbols.here + 2,
  },
  {
    name: 'the map goes on past port 0xffff',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + 0x2000, 1),
    code: 'mov edx, 0xffff\nhere: in ax, dx',
    exit: X.IOIO,
    info1: 0xffff_0021,
    info2: (b) => b.symbols.here + 2,
  },
  {
    name: 'rep outsb: string, repeated, address size, segment',
    intercept: [X.IOIO],
    prepare: (b) => b.machine.memory.write8(IOPM_HPA + (0xe9 >> 3), 1 << (0xe9 & 7)),
    code: 'mov edx, 0xe9\nmov ecx, 3\nmov esi, 0x3000\nhere: rep outsb\nnext: vmmcall',
    exit: X.IOIO,
    info1: 0x00e9_0d1c,
    info2: (b) => b.symbols.next,
  },
  {
    name: 'IOPL comes before the intercept: in at CPL 3 is #GP',
    intercept: [X.IOIO, EXIT_EXCEPTION + 13],
    prepare: (b) => b.user().machine.memory.write8(IOPM_HPA + 0x10, 1),
    code: 'here: in al, 0x80',
    exit: EXIT_EXCEPTION + 13,
  },

  // MSRs (section 15.11 "MSR Intercepts").
  {
    name: 'rdmsr of a marked MSR',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + (0x174 * 2) / 8, 0b01),
    code: 'mov ecx, 0x174\nhere: rdmsr',
    exit: X.MSR,
    info1: 0,
  },
  {
    name: 'wrmsr of a marked MSR',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + (0x174 * 2) / 8, 0b10),
    code: 'mov ecx, 0x174\nhere: wrmsr',
    exit: X.MSR,
    info1: 1,
  },
  {
    name: 'the read bit leaves writes alone',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + (0x174 * 2) / 8, 0b01),
    code: 'mov ecx, 0x174\nwrmsr' + DONE,
  },
  {
    name: 'C000_0000 range of the map',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + 0x800 + 0x20, 0b100),
    code: 'mov ecx, 0xc0000081\nhere: rdmsr',
    exit: X.MSR,
  },
  {
    name: 'C001_0000 range of the map',
    intercept: [X.MSR],
    prepare: (b) => b.machine.memory.write8(MSRPM_HPA + 0x1000 + (0x114 * 2) / 8, 0b1),
    code: 'mov ecx, 0xc0010114\nhere: rdmsr',
    exit: X.MSR,
  },
  {
    name: 'an MSR outside the map always exits',
    intercept: [X.MSR],
    code: 'mov ecx, 0x40000000\nhere: rdmsr',
    exit: X.MSR,
  },
  {
    name: 'without the MSR intercept an unknown MSR is #GP',
    intercept: [EXIT_EXCEPTION + 13],
    code: 'mov ecx, 0x40000000\nhere: rdmsr',
    exit: EXIT_EXCEPTION + 13,
  },
];

testExits(rows);
