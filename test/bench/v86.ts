/**
 * Runs one multiboot image in v86 and prints how many seconds of processor time the host spent until the guest sent
 * a byte: node dist/test/bench/v86.js IMAGE interpreter|jit. A process of its own, since v86 keeps its timers alive.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { V86 } from 'v86';

const [image, mode] = process.argv.slice(2);
const bytes = readFileSync(image);
const emulator = new V86({
  wasm_path: createRequire(import.meta.url).resolve('v86/build/v86.wasm'),
  memory_size: 64 << 20,
  vga_memory_size: 2 << 20,
  multiboot: { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) },
  autostart: false,
  disable_jit: mode !== 'jit',
});
let began = process.cpuUsage();
emulator.add_listener('emulator-loaded', () => {
  began = process.cpuUsage();
  void emulator.run();
});
emulator.add_listener('serial0-output-byte', () => {
  const { user, system } = process.cpuUsage(began);
  console.log((user + system) / 1e6);
  process.exit();
});
