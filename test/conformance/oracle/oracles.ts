import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assembleSuite } from './image.js';

const ROM_BYTES = 128 << 10;
const ROM_GPA = 2 ** 32 - ROM_BYTES;
const TIMEOUT_MS = 60_000;

/** A ROM that ends at the reset vector and brings a suite to where Ringside's loader would put it. */
export function romOf(image: Uint8Array): Uint8Array {
  const stub = assembleSuite('boot-rom.asm', { ROM_GPA: `${ROM_GPA}`, SUITE_BYTES: `${image.length}` });
  if (image.length + stub.length > ROM_BYTES)
    throw new Error(`suite of ${image.length} bytes: too long for a ROM`);
  const rom = new Uint8Array(ROM_BYTES);
  rom.set(image);
  rom.set(stub, ROM_BYTES - stub.length);
  return rom;
}

/** An emulator that can run a ROM. */
export interface Oracle {
  readonly name: 'qemu' | 'bochs';
  /** Title and version, as it says itself. */
  version(): string;
  /** For the record: how it is started, with files by their names only. */
  commandLine(cpu: string): string;
  /** What the ROM prints on port 0xE9, among the emulator's own messages. @throws Error when it does not end. */
  run(rom: Uint8Array, cpu: string): string;
}

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'ringside-oracle-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Standard output of a program, whatever its exit code: both emulators end with one that is not 0. */
function output(program: string, parameters: readonly string[], cwd: string): string {
  const { stdout, stderr, error, signal } = spawnSync(program, parameters, {
    cwd,
    encoding: 'latin1',
    timeout: TIMEOUT_MS,
    maxBuffer: 64 << 20,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (error) throw error;
  if (signal !== null) throw new Error(`${program} ended by ${signal}: ${stderr}`);
  return stdout;
}

function qemuParameters(cpu: string): string[] {
  const machine = ['-M', 'pc,accel=tcg', '-cpu', cpu, '-m', '16', '-nodefaults', '-display', 'none'];
  const ends = ['-no-reboot', '-nic', 'none', '-device', 'isa-debug-exit,iobase=0xf4,iosize=1'];
  return [...machine, ...ends, '-debugcon', 'stdio', '-bios', 'rom.bin'];
}

export const QEMU: Oracle = {
  name: 'qemu',
  version: () => output('qemu-system-i386', ['--version'], tmpdir()).split('\n')[0],
  commandLine: (cpu) => `qemu-system-i386 ${qemuParameters(cpu).join(' ')}`,
  run: (rom, cpu) =>
    inFolder((folder) => {
      writeFileSync(join(folder, 'rom.bin'), rom);
      return output('qemu-system-i386', qemuParameters(cpu), folder);
    }),
};

/** Debian's Bochs has its debugger built in and begins at its prompt: a file of commands says `c`, continue. */
function bochsConfiguration(cpu: string): string {
  return `cpu: model=${cpu}, count=1, ips=50000000, reset_on_triple_fault=0, ignore_bad_msrs=0
memory: guest=16, host=16
romimage: file=rom.bin
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
port_e9_hack: enabled=1
display_library: rfb, options="timeout=0"
sound: driver=dummy
plugin_ctrl: speaker=false, parallel=false, serial=false, usb_uhci=false
log: bochs.log
panic: action=fatal
clock: sync=none
`;
}

export const BOCHS: Oracle = {
  name: 'bochs',
  version: () => /Bochs x86 Emulator [\d.]+/.exec(output('bochs', ['--help'], tmpdir()))?.[0] ?? 'Bochs',
  commandLine: (cpu) => `bochs -q -f bochsrc -rc commands (cpu: model=${cpu}; see oracles.ts)`,
  run: (rom, cpu) =>
    inFolder((folder) => {
      writeFileSync(join(folder, 'rom.bin'), rom);
      writeFileSync(join(folder, 'bochsrc'), bochsConfiguration(cpu));
      writeFileSync(join(folder, 'commands'), 'c\n');
      const text = output('bochs', ['-q', '-f', 'bochsrc', '-rc', 'commands'], folder);
      const panic = /^.*>>PANIC<<.*$/m.exec(readFileSync(join(folder, 'bochs.log'), 'latin1'));
      if (panic && !panic[0].includes('Shutdown')) throw new Error(`bochs: ${panic[0]}`);
      return text;
    }),
};
