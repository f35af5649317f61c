import t from 'tap';
import { decode } from '../../emulator/isa/decoder.js';
import { exitReasonOf } from '../../emulator/vmm/emulate.js';

const rows: [name: string, bytes: number[], reason: string][] = [
  ['in al,80h', [0xe4, 0x80], 'IOIO_IN'],
  ['rep outsb', [0xf3, 0x6e], 'IOIO_OUT'],
  ['mov eax,cr0', [0x0f, 0x20, 0xc0], 'CR_READ'],
  ['mov eax,cr3', [0x0f, 0x20, 0xd8], 'CR3_READ'],
  ['mov cr3,eax', [0x0f, 0x22, 0xd8], 'CR3_WRITE'],
  ['mov cr4,eax', [0x0f, 0x22, 0xe0], 'CR_WRITE'],
  ['mov dr7,eax', [0x0f, 0x23, 0xf8], 'DR_ACCESS'],
  ['clts', [0x0f, 0x06], 'CR_WRITE'],
  ['smsw eax', [0x0f, 0x01, 0xe0], 'CR_READ'],
  ['lgdt [eax]', [0x0f, 0x01, 0x10], 'DESCRIPTOR_TABLE'],
  ['invlpg [eax]', [0x0f, 0x01, 0x38], 'INVLPG'],
  ['hlt', [0xf4], 'HLT'],
  ['cli', [0xfa], 'INTERRUPT_FLAG'],
  ['popfd', [0x9d], 'POPF'],
  ['iretd', [0xcf], 'IRET'],
  ['int 80h', [0xcd, 0x80], 'SOFTWARE_INTERRUPT'],
  ['mov ds,eax', [0x8e, 0xd8], 'SEGMENT_LOAD'],
  ['retf', [0xcb], 'FAR_TRANSFER'],
  ['sysenter', [0x0f, 0x34], 'SYSTEM_CALL'],
  ['cpuid', [0x0f, 0xa2], 'CPUID'],
  ['rdmsr', [0x0f, 0x32], 'MSR_READ'],
  ['vmmcall', [0x0f, 0x01, 0xd9], 'VMMCALL'],
  ['vmrun', [0x0f, 0x01, 0xd8], 'SVM_INSTRUCTION'],
  ['wbinvd', [0x0f, 0x09], 'CACHE_CONTROL'],
  ['mov [eax],ecx', [0x89, 0x08], 'EMULATE'],
];

t.test('the exit reason of an instruction', async (t) => {
  for (const [name, bytes, reason] of rows) {
    const operation = decode(Uint8Array.from(bytes), 0, bytes.length, 32);
    if (typeof operation === 'string') t.fail(`${name} does not decode: ${operation}`);
    else t.equal(exitReasonOf(operation), reason, name);
  }
});
