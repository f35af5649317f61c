import { SYS_TSS32_BUSY } from '../arch/descriptors.js';
import { TR } from '../arch/registers.js';
import { CPL_I32 } from '../arch/state.js';
import { VECTOR_GP } from '../arch/vectors.js';
import type { PortWidth } from '../isa/operation.js';
import type { Cpu } from './cpu.js';
import { systemType } from './descriptor.js';
import { iopl } from './flag-control.js';
import { isVirtual8086 } from './modes.js';

/** Offset in a 32-bit TSS of the I/O permission bitmap's own offset. */
const TSS_IO_BASE = 102;

/** @throws Fault #GP(0) when IOPL and the TSS's bitmap forbid the access; VmExit when intercepted; Restart when the port is watched. */
export function requirePort(cpu: Cpu, port: number, width: PortWidth, direction: 'in' | 'out'): void {
  // In virtual-8086 mode IOPL allows nothing (Intel SDM vol. 3, "Protected-Mode I/O").
  const needsBitmap = cpu.s32[CPL_I32] > iopl(cpu) || isVirtual8086(cpu);
  if (needsBitmap && !bitmapAllows(cpu, port, width)) cpu.fault.raise(VECTOR_GP, 0);
  if (cpu.guestMode) cpu.svmUnit.interceptPort(port, width, direction);
  if (cpu.debugUnit.watchesPorts) cpu.debugUnit.notePort(port, width, direction);
}

export function portIn(cpu: Cpu, port: number, width: PortWidth): number {
  requirePort(cpu, port, width, 'in');
  cpu.ledger.charge('device', 'port.read');
  const value = cpu.parts.ports.read(port, width);
  tracePort(cpu, 'in', port, width, value);
  return width === 4 ? value | 0 : value;
}

export function portOut(cpu: Cpu, port: number, width: PortWidth, value: number): void {
  requirePort(cpu, port, width, 'out');
  cpu.ledger.charge('device', 'port.write');
  cpu.parts.ports.write(port, width, value);
  tracePort(cpu, 'out', port, width, value);
}

/** All bits of the ports must be clear and inside the TSS (APM vol. 2, section 12.2.4 "I/O-Permission Bitmap"). */
function bitmapAllows(cpu: Cpu, port: number, width: PortWidth): boolean {
  const { attributes, limit, base } = cpu.segment(TR);
  if (systemType(attributes) !== SYS_TSS32_BUSY || limit < TSS_IO_BASE + 1) return false;
  const offset = cpu.readLinear(base + TSS_IO_BASE, 2, false) + (port >> 3);
  // Two bytes are read always, so that the bits of a wide access may straddle.
  if (offset + 1 > limit) return false;
  const map = cpu.readLinear(base + offset, 2, false);
  return ((map >> (port & 7)) & ((1 << width) - 1)) === 0;
}

function tracePort(
  cpu: Cpu,
  direction: 'in' | 'out',
  port: number,
  widthBytes: PortWidth,
  value: number,
): void {
  const { trace, ports } = cpu.parts;
  if (!trace.enabled) return;
  trace.record({
    ticks: cpu.ledger.ticks,
    kind: 'port',
    direction,
    port,
    widthBytes,
    value: value >>> 0,
    claimed: ports.claims(port, widthBytes),
  });
}
