/**
 * Runner of the conformance vectors: single instructions and short sequences whose results were captured on
 * hardware (or agreed on by two emulators). As a program: `node vectors.js FILE.jsonl.gz BASE.bin.gz` prints the
 * failures, by tag, and ends with `N passed, N failed`.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import * as attr from '../../emulator/arch/descriptors.js';
import { decodeDescriptor } from '../../emulator/arch/descriptors.js';
import type { SegmentState } from '../../emulator/arch/descriptors.js';
import { FLAG_RF } from '../../emulator/arch/flags.js';
import { PAGE_BYTES, PTE_D, PTE_FRAME } from '../../emulator/arch/paging.js';
import { CS, DS, ES, ESP, FS, GPR_NAMES, GS, LDTR, SS, TR } from '../../emulator/arch/registers.js';
import { VECTORS_WITH_ERROR_CODE, VECTOR_PF } from '../../emulator/arch/vectors.js';
import { findProfile } from '../../emulator/cost/catalog.js';
import { Machine } from '../../emulator/machine.js';

type Bytes = readonly (readonly [address: number, hex: string])[];

/** One case, in the field names of the file. */
export interface Vector {
  /** Identifier. */
  i: number;
  /** Tag: what is tested. */
  t: string;
  /** `hw`: result of a real processor; `bt`: of two emulators. */
  src: 'hw' | 'bt';
  /** CR0.WP. */
  wp: 0 | 1;
  /** eax ecx edx ebx esp ebp esi edi */
  r: readonly number[];
  f: number;
  ip: number;
  /** cs ss ds es fs gs */
  s: readonly number[];
  /** Patches of the base image, by physical address. */
  m: Bytes;
  /** EFLAGS bits, register bits, and stack bytes to ignore. */
  uf?: number;
  ur?: Readonly<Record<string, number>>;
  um?: number;
  x: {
    v: number;
    e: number;
    cr2?: number;
    ip: number;
    f: number;
    r: readonly number[];
    s: readonly number[];
    m: Bytes;
    pte?: readonly (readonly [number, number])[];
  };
}

const MEMORY_BYTES = 8 << 20;
/** Physical memory that the page tables map. */
const MAPPED_BYTES = 4 << 20;
const SEGMENT_ORDER = [CS, SS, DS, ES, FS, GS] as const;
const GDT = { base: 0x1800, limit: 0x15f };
const IDT = { base: 0x1000, limit: 0x7ff };
const LDT_SELECTOR = 0x50;
const TSS_SELECTOR = 0x40;
const LDT_BASE = 0x1a00;
const TABLES = { start: 0x1800, end: 0x1c00 };
const PAGE_TABLES = { start: 0x3000, end: 0x6000 };
const FIRST_ENTRY = 0x4000;
const TABLE_PAGES = [0x3000, 0x4000, 0x5000];
const INNER_STACK = { start: 0x38000 - 64, end: 0x38000 };
/** Frame and harness pushes of an exception at CPL 0 that the file does not describe. */
const UNDESCRIBED_BYTES = 28;
/** SS, ESP, EFLAGS, CS, EIP and an error code. */
const MAX_FRAME_BYTES = 24;
const HANDLERS = 0x2000;
const HANDLER_BYTES = 16;
const CR0 = 0x8004_0033;
const CR0_WP = 0x1_0000;
const MAX_INSTRUCTIONS = 100_000;
const READ = { write: false, user: false, fetch: false };

export class VectorRunner {
  private readonly machine = Machine.create({
    profile: findProfile('pentium4-672'),
    memoryBytes: MEMORY_BYTES,
  });
  private readonly base = new Uint8Array(MAPPED_BYTES);
  /** The case's memory before it runs. */
  private readonly before = new Uint8Array(MAPPED_BYTES);
  /** Pages that a case has patched or dirtied: all that has to be compared, and put back before the next. */
  private touched = new Set<number>();

  /** @param base the image of physical memory from 0 that every case starts from. */
  constructor(base: Uint8Array) {
    this.base.set(base);
    this.before.set(base);
    this.machine.memory.writeBytes(0, this.base);
  }

  /** @returns what differs from the expected result; empty when the case passes. */
  run(vector: Vector): string[] {
    this.prepare(vector);
    const { cpu } = this.machine;
    const stop = this.machine.run({ instructions: MAX_INSTRUCTIONS });
    if (stop.kind !== 'halted') return [`stopped with ${JSON.stringify(stop)} at 0x${cpu.eip.toString(16)}`];
    const got = (cpu.eip - 1 - HANDLERS) / HANDLER_BYTES;
    const { x } = vector;
    if (got !== x.v) return [`vector ${got}, expected ${x.v}`];
    const frame = this.readFrame(got);
    const differences: string[] = [];
    const check = (what: string, actual: number, expected: number, mask = -1): void => {
      if (((actual ^ expected) & mask) !== 0) {
        differences.push(
          `${what} 0x${(actual >>> 0).toString(16)}, expected 0x${(expected >>> 0).toString(16)}`,
        );
      }
    };
    check('error code', frame.errorCode, x.e);
    if (x.cr2 !== undefined && x.v === VECTOR_PF) check('cr2', cpu.cr2, x.cr2);
    check('eip', frame.eip, x.ip);
    check('eflags', frame.eflags, x.f, ~(FLAG_RF | (vector.uf ?? 0)));
    GPR_NAMES.forEach((name, register) => {
      const actual = register === ESP ? frame.esp : cpu.gpr(register);
      check(name, actual, x.r[register], ~(vector.ur?.[register] ?? 0));
    });
    const selectors = [
      frame.cs,
      frame.ss,
      ...SEGMENT_ORDER.slice(2).map((segment) => cpu.segment(segment).selector),
    ];
    selectors.forEach((selector, index) => check(`selector ${index}`, selector, x.s[index]));
    for (const [address, value] of x.pte ?? []) {
      check(`entry at 0x${address.toString(16)}`, this.machine.memory.read32(address), value);
    }
    this.checkMemory(vector, frame, check);
    return differences;
  }

  private prepare({ m, r, f, ip, s, wp }: Vector): void {
    const { machine } = this;
    const { cpu, memory } = machine;
    for (const page of this.touched) {
      const bytes = this.base.subarray(page, page + PAGE_BYTES);
      this.before.set(bytes, page);
      memory.writeBytes(page, bytes);
    }
    this.touched = new Set(TABLE_PAGES);
    for (const [address, hex] of m) {
      const bytes = Buffer.from(hex, 'hex');
      this.before.set(bytes, address);
      memory.writeBytes(address, bytes);
      this.touch(address);
      this.touch(address + bytes.length - 1);
    }
    machine.resetFlat(ip);
    r.forEach((value, register) => cpu.setGpr(register, value));
    cpu.cr0 = CR0 | (wp ? CR0_WP : 0);
    cpu.cr3 = 0x3000;
    cpu.gdtr = GDT;
    cpu.idtr = IDT;
    cpu.setSegment(LDTR, {
      selector: LDT_SELECTOR,
      attributes: attr.ATTR_P | attr.SYS_LDT,
      limit: 119,
      base: LDT_BASE,
    });
    cpu.setSegment(TR, {
      selector: TSS_SELECTOR,
      attributes: attr.ATTR_P | attr.SYS_TSS32_BUSY,
      limit: 0x67,
      base: 0x1c00,
    });
    s.forEach((selector, index) => cpu.setSegment(SEGMENT_ORDER[index], this.descriptor(selector)));
    cpu.cpl = s[0] & 3;
    cpu.eflags = f;
    cpu.flushTlb();
  }

  private touch(address: number): void {
    this.touched.add(address - (address % PAGE_BYTES));
  }

  /** What the dirty bits say was written. */
  private touchDirty(): void {
    const { memory } = this.machine;
    for (let entry = FIRST_ENTRY; entry < PAGE_TABLES.end; entry += 4) {
      const value = memory.read32(entry);
      if (value & PTE_D) this.touch((value & PTE_FRAME) >>> 0);
    }
  }

  private descriptor(selector: number): SegmentState {
    if ((selector & ~3) === 0) return { selector, attributes: 0, limit: 0, base: 0 };
    const at = (selector & 4 ? LDT_BASE : GDT.base) + (selector & ~7);
    const { memory } = this.machine;
    return decodeDescriptor(memory.read32(at), memory.read32(at + 4), selector);
  }

  /** What the processor pushed for the exception. */
  private readFrame(vector: number): Record<'eip' | 'cs' | 'eflags' | 'esp' | 'ss' | 'errorCode', number> {
    const { cpu } = this.machine;
    const stack = cpu.segment(SS);
    const mask = stack.attributes & attr.ATTR_DB ? -1 : 0xffff;
    let esp = cpu.gpr(ESP);
    const pop = (): number => {
      const physical = cpu.translate((stack.base + ((esp & mask) >>> 0)) >>> 0, READ) ?? 0;
      esp = ((esp & ~mask) | ((esp + 4) & mask)) >>> 0;
      return this.machine.memory.read32(physical);
    };
    const errorCode = VECTORS_WITH_ERROR_CODE.has(vector) ? pop() : 0;
    const eip = pop();
    const cs = pop() & 0xffff;
    const eflags = pop();
    if ((cs & 3) === 0) return { eip, cs, eflags, errorCode, esp, ss: stack.selector };
    const outerEsp = pop();
    return { eip, cs, eflags, errorCode, esp: outerEsp, ss: pop() & 0xffff };
  }

  private checkMemory(
    vector: Vector,
    frame: { esp: number },
    check: (what: string, actual: number, expected: number) => void,
  ): void {
    const { x, um } = vector;
    const expected = new Map<number, number>();
    for (const [address, hex] of x.m)
      Buffer.from(hex, 'hex').forEach((byte, index) => expected.set(address + index, byte));
    const { u8 } = this.machine.memory;
    const top = this.machine.cpu.gpr(ESP) & (MAPPED_BYTES - 1);
    const pushed = { start: top, end: top + MAX_FRAME_BYTES };
    const ignored = (address: number): boolean => {
      if (inside(address, PAGE_TABLES) || inside(address, INNER_STACK)) return true;
      if (vector.src === 'hw' && inside(address, TABLES)) return true;
      if (um && (address & 2) !== 0 && !inside(address, { start: 0x100000, end: 0x102000 })) return true;
      if (inside(address, pushed)) return true;
      if ((x.s[0] & 3) !== 0) return false;
      const below = ((frame.esp & (MAPPED_BYTES - 1)) - address) & (MAPPED_BYTES - 1);
      return below > 0 && below <= UNDESCRIBED_BYTES;
    };
    for (const [address, byte] of expected) {
      if (!ignored(address)) check(`byte at 0x${address.toString(16)}`, u8[address], byte);
    }
    this.touchDirty();
    for (const page of this.touched) {
      for (let at = page; at < page + PAGE_BYTES; at++) {
        if (u8[at] === this.before[at] || expected.has(at) || ignored(at)) continue;
        check(`byte at 0x${at.toString(16)}`, u8[at], this.before[at]);
      }
    }
  }
}

function inside(address: number, { start, end }: { start: number; end: number }): boolean {
  return address >= start && address < end;
}

/** Reads a gzipped file of one case a line. */
export function readVectors(path: string): Vector[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Vector);
}

/** Reads the gzipped memory image that every case starts from. */
export function readBase(path: string): Uint8Array {
  return gunzipSync(readFileSync(path));
}

function main([vectors, base]: string[]): number {
  if (!vectors || !base) {
    console.error('usage: vectors.js FILE.jsonl.gz BASE.bin.gz');
    return 2;
  }
  let runner: VectorRunner;
  let cases: Vector[];
  try {
    runner = new VectorRunner(readBase(base));
    cases = readVectors(vectors);
  } catch (error) {
    console.error(`cannot read the vectors: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const failures = new Map<string, string[]>();
  let failed = 0;
  for (const vector of cases) {
    const differences = runner.run(vector);
    if (differences.length === 0) continue;
    failed++;
    const code = vector.m[0]?.[1] ?? '';
    const line = `  ${vector.i} [${code}] ${differences.slice(0, 4).join('; ')}`;
    failures.set(vector.t, [...(failures.get(vector.t) ?? []), line]);
  }
  for (const [tag, lines] of failures)
    console.log(`${tag}: ${lines.length} failed\n${lines.slice(0, 5).join('\n')}`);
  console.log(`${cases.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.exitCode = main(process.argv.slice(2));
