import t from 'tap';
import { findProfile } from '../../../emulator/cost/catalog.js';
import { createVmm } from '../../../emulator/vmm/catalog.js';
import { LOAD_GPA, assembleSuite } from '../../conformance/oracle/image.js';

/**
 * Suites that QEMU and Bochs have answered, as guests: what is interpreted or emulated for want of a translation. Two
 * others show what a software monitor of this kind does not hide, or need not: `control` executes SMSW in user code,
 * which runs directly and sees the host's CR0; `pse` asks for a global page's stale entry after a load of CR3, which a
 * processor may have dropped.
 */
const SUITES = ['real-mode', 'v86', 'task-switch', 'gates'];

const MEMORY_BYTES = 16 << 20;

function transcript(technique: string, image: Uint8Array): object {
  const vmm = createVmm(technique, { profile: findProfile('pentium4-672'), memoryBytes: MEMORY_BYTES });
  vmm.guest.memory.writeBytes(LOAD_GPA, image);
  vmm.guest.resetFlat(LOAD_GPA);
  const stop = vmm.run({ instructions: 5_000_000 });
  return { stop, lines: vmm.guest.platform.debugPort.output.text.split('\n') };
}

for (const name of SUITES) {
  t.test(name, async (t) => {
    const image = assembleSuite(`${name}.asm`);
    t.same(transcript('binary-translation', image), transcript('native', image));
  });
}
