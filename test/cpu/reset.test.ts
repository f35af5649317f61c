import t from 'tap';
import { assemble } from '../../emulator/asm/index.js';
import { CS, DS, EDX, SEGMENT_NAMES, SS } from '../../emulator/arch/registers.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import { Machine } from '../../emulator/machine.js';
import { parseImage } from '../../emulator/platform/image.js';
import { loadImage } from '../../emulator/platform/load.js';
import { balances } from './bare.js';

const ROM_BYTES = 0x10000;
/** Prints on port 0xe9 from where the reset vector sends it. */
const ROM = `
        bits 16
        org 0
start:  mov ax, cs
        mov ds, ax
        mov si, text
        cld
print:  lodsb
        test al, al
        jz stop
        out 0xe9, al
        jmp print
text:   db "in ROM", 0
stop:   mov al, 5
        out 0xf4, al
        times ${ROM_BYTES - 16} - ($ - $$) db 0
        jmp 0xf000:start
        times ${ROM_BYTES} - ($ - $$) db 0
`;

function machine(): Machine {
  return Machine.create({ profile: findProfile('pentium4-672'), memoryBytes: 2 << 20 });
}

t.test('the state after reset is the manual\'s table "Processor States Following Power-up"', async (t) => {
  const pc = machine();
  pc.cpu.setGpr(3, 7);
  pc.cpu.halted = true;
  pc.resetHard();
  const { cpu } = pc;
  const { segments, gprs, eip, eflags, cr0, cr2, cr3, cr4, gdtr, idtr } = pc.state();
  t.same(
    { eip, eflags, cr0, cr2, cr3, cr4, gdtr, idtr },
    {
      eip: 0xfff0,
      eflags: 2,
      cr0: 0x6000_0010,
      cr2: 0,
      cr3: 0,
      cr4: 0,
      gdtr: { base: 0, limit: 0xffff },
      idtr: { base: 0, limit: 0xffff },
    },
  );
  t.same(cpu.segment(CS), { selector: 0xf000, base: 0xffff_0000, limit: 0xffff, attributes: 0x93 });
  for (const segment of [DS, SS] as const) {
    const wanted = { selector: 0, base: 0, limit: 0xffff, attributes: 0x93 };
    t.same(cpu.segment(segment), wanted, SEGMENT_NAMES[segment]);
  }
  t.same(Object.values(segments).length, 8);
  t.equal(cpu.gpr(EDX), 0xf43, 'family, model and stepping');
  t.same(
    Object.entries(gprs).filter(([, value]) => value !== 0),
    [['edx', 0xf43]],
  );
  t.same([cpu.debug(6), cpu.debug(7), cpu.cpl, cpu.halted], [0xffff_0ff0, 0x400, 0, false]);
});

t.test('a ROM runs from the reset vector', async (t) => {
  const { bytes, diagnostics } = assemble(ROM);
  t.same(diagnostics, []);
  const pc = machine();
  loadImage(pc, parseImage(bytes, { rom: true }));
  t.match(pc.run({ instructions: 1000 }), { kind: 'exit', code: 5 });
  t.equal(pc.platform.debugPort.output.text, 'in ROM');
  t.equal(pc.cpu.segment(CS).base, 0xf0000, 'in the copy below 1 MB');
  t.ok(balances(pc));
});
