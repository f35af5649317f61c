import t from 'tap';
import { PortBus } from '../../emulator/platform/bus.js';
import { PciConfiguration } from '../../emulator/platform/pci.js';

function bench() {
  const ports = new PortBus();
  const pci = new PciConfiguration(ports);
  const space = new DataView(new ArrayBuffer(256));
  space.setUint32(0, 0x1237_8086, true);
  pci.register(
    { bus: 0, device: 3, function: 1 },
    {
      readConfiguration: (offset, width) =>
        width === 4
          ? space.getUint32(offset, true)
          : width === 2
            ? space.getUint16(offset, true)
            : space.getUint8(offset),
      writeConfiguration: (offset, _width, value) => space.setUint8(offset, value),
    },
  );
  return { ports, pci };
}

const PLACE = 0x8000_1900;

const reads: { name: string; address: number; port?: number; width?: 1 | 2 | 4; want: number }[] = [
  { name: 'the function', address: PLACE, want: 0x1237_8086 },
  { name: 'its upper half', address: PLACE, port: 0xcfe, width: 2, want: 0x1237 },
  { name: 'one byte', address: PLACE, port: 0xcfd, width: 1, want: 0x80 },
  { name: 'another function', address: PLACE + 0x100, want: 0xffff_ffff },
  { name: 'another device', address: 0x8000_0000, want: 0xffff_ffff },
  { name: 'another bus', address: PLACE + 0x1_0000, want: 0xffff_ffff },
  { name: 'nothing, by word', address: 0x8000_0000, width: 2, want: 0xffff },
  { name: 'not enabled', address: PLACE & 0x7fff_ffff, want: 0xffff_ffff },
];
for (const { name, address, port = 0xcfc, width = 4, want } of reads) {
  t.test(`reads ${name}`, async (t) => {
    const { ports } = bench();
    ports.write(0xcf8, 4, address);
    t.equal(ports.read(port, width), want);
  });
}

t.test('the address register holds its defined bits and takes doublewords only', async (t) => {
  const { ports, pci } = bench();
  ports.write(0xcf8, 4, 0xffff_ffff);
  ports.write(0xcf8, 1, 0);
  t.equal(ports.read(0xcf8, 4), 0x80ff_fffc);
  pci.reset();
  t.equal(ports.read(0xcf8, 4), 0);
});

t.test('writes reach the function', async (t) => {
  const { ports } = bench();
  ports.write(0xcf8, 4, PLACE + 0x3c);
  ports.write(0xcfd, 1, 0x42);
  t.equal(ports.read(0xcfd, 1), 0x42);
});

t.test('places that are taken or do not exist', async (t) => {
  const { pci } = bench();
  const nothing = { readConfiguration: () => 0, writeConfiguration: () => {} };
  t.throws(() => pci.register({ bus: 0, device: 3, function: 1 }, nothing), /0:3\.1 is taken/);
  t.throws(() => pci.register({ bus: 0, device: 32, function: 0 }, nothing), /no PCI function 0:32\.0/);
});
