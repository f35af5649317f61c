import t from 'tap';
import { Checkpoint } from '../../emulator/checkpoint.js';

class Device {
  static readonly checkpointing = { derived: ['cache'], immutable: ['events'] };
  count = 0;
  readonly events: { at: number }[] = [];
  readonly table = new Map<string, { value: number }>();
  readonly order = new Set<number>();
  readonly bytes = new Uint8Array(10_000);
  cache: string | null = null;
  peer: Device | null = null;
  readonly onChange = (): void => void this.count++;

  afterRestore(): void {
    this.cache = `made anew at ${this.count}`;
  }
}

t.test('everything that is reached by fields comes back, in the same objects', async (t) => {
  const device = new Device();
  const entry = { value: 1 };
  device.table.set('a', entry);
  device.order.add(2).add(1);
  device.events.push({ at: 1 });
  device.peer = new Device();
  device.peer.peer = device;
  device.bytes[9_999] = 7;
  const { peer, onChange } = device;
  const checkpoint = Checkpoint.take(device);

  device.count = 5;
  entry.value = 9;
  device.table.set('b', { value: 2 });
  device.order.delete(2);
  device.events.push({ at: 2 });
  device.bytes.fill(1);
  device.cache = 'stale';
  peer.count = 3;
  device.peer = null;
  checkpoint.restore();

  t.equal(device.count, 0);
  t.equal(device.table.get('a'), entry, 'the same object');
  t.same([...device.table], [['a', { value: 1 }]]);
  t.same([...device.order], [2, 1], 'in the order in which they were added');
  t.same(device.events, [{ at: 1 }]);
  t.equal(device.peer, peer);
  t.equal(peer.count, 0);
  t.equal(device.bytes[9_999], 7);
  t.equal(device.bytes[0], 0);
  t.equal(device.cache, 'made anew at 0', 'what is derived follows');
  onChange();
  t.equal(device.count, 1, 'closures still mean the object');
});

t.test('a checkpoint can be restored again and again', async (t) => {
  const device = new Device();
  device.events.push({ at: 1 });
  const checkpoint = Checkpoint.take(device);
  for (let round = 0; round < 3; round++) {
    device.events.push({ at: 2 });
    device.count = round + 1;
    checkpoint.restore();
    t.same([device.count, device.events.length], [0, 1]);
  }
});

t.test('pages that have not changed are shared with the checkpoint before', async (t) => {
  const memory = { bytes: new Uint8Array(64 << 10).fill(1) };
  const first = Checkpoint.take(memory);
  t.equal(first.ownBytes, 64 << 10);
  memory.bytes[5000] = 2;
  const second = Checkpoint.take(memory, first);
  t.equal(second.ownBytes, 4096, 'one page');
  memory.bytes.fill(3);
  first.restore();
  t.equal(memory.bytes[5000], 1);
  second.restore();
  t.equal(memory.bytes[5000], 2);
});
