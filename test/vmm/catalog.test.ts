import t from 'tap';
import { findProfile } from '../../emulator/cost/catalog.js';
import { createVmm, techniques, usableTechniques } from '../../emulator/vmm/catalog.js';
import { GUEST_HPA, MAX_GUEST_BYTES } from '../../emulator/vmm/layout.js';

const profile = findProfile('pentium4-672');
const MB = 1 << 20;

t.test('every usable technique builds a machine and a virtual machine for the guest', async (t) => {
  t.ok(usableTechniques().length >= 3);
  for (const technique of usableTechniques()) {
    const { host, guest } = createVmm(technique, { profile, memoryBytes: 2 * MB });
    t.equal(guest.memory.sizeBytes, 2 * MB, technique);
    if (technique === 'native') {
      t.equal(guest, host);
      continue;
    }
    t.equal(host.memory.sizeBytes, GUEST_HPA + 2 * MB, `${technique}: the monitor's area comes on top`);
    guest.memory.write32(0x1234, 0xfeed);
    t.equal(
      host.memory.read32(GUEST_HPA + 0x1234),
      0xfeed,
      `${technique}: guest-physical is not host-physical`,
    );
  }
});

t.test('the six techniques of the design, in its order', async (t) => {
  t.same(
    techniques.map(({ name, family }) => `${family} ${name}`),
    [
      'none native',
      'software trap-and-emulate',
      'software binary-translation',
      'hardware svm-shadow',
      'hardware svm-nested',
      'both hybrid',
    ],
  );
});

t.test('an oracle needs a recording, which only a run from an image can make', async (t) => {
  t.throws(
    () => createVmm('hybrid', { profile, memoryBytes: MB, switches: { policy: 'oracle' } }),
    /policy=oracle needs to know the guest: run it from its image/,
  );
});

t.test('mistakes', async (t) => {
  const rows: [name: string, technique: string, memoryBytes: number, message: RegExp][] = [
    [
      'unknown technique',
      'xen',
      MB,
      /no technique is called 'xen'; there are: native, trap-and-emulate, binary-translation, svm-shadow/,
    ],
    ['not whole pages', 'svm-shadow', MB + 1, /guest memory of 1048577 bytes: expected a multiple of 4096/],
    ['no memory', 'svm-shadow', 0, /guest memory of 0 bytes/],
    ['too much', 'svm-shadow', MAX_GUEST_BYTES + 4096, /up to 2130706432/],
    ['too much on bare hardware', 'native', 2 ** 32, /memory of 4294967296 bytes/],
  ];
  for (const [name, technique, memoryBytes, message] of rows) {
    t.throws(() => createVmm(technique, { profile, memoryBytes }), { name: 'RangeError', message }, name);
  }
});
