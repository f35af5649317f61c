import t from 'tap';
import { FrameAllocator } from '../../emulator/vmm/frames.js';

t.test('frames are given once, reused when released, and run out without a throw', async (t) => {
  const frames = new FrameAllocator(0x1000, 0x5000);
  t.equal(frames.available, 4);
  t.equal(frames.reserve(2), 0x1000);
  t.same([frames.allocate(), frames.allocate(), frames.allocate()], [0x3000, 0x4000, null]);
  frames.release(0x3000);
  t.equal(frames.available, 1);
  t.equal(frames.allocate(), 0x3000);
  t.throws(() => frames.reserve(1), { name: 'RangeError', message: /no 1 adjacent frames/ });
});
