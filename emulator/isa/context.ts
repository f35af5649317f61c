import type { SegmentIndex } from '../arch/registers.js';
import type { Operation, PortWidth } from './operation.js';
import type { X87Unit } from './x87/unit.js';

/** Instructions that only some processors have, or that only some mode has. */
export type OptionalInstruction = 'rdtscp' | 'monitor' | 'mwait' | 'xsetbv' | 'rsm';

/**
 * What the semantics of an instruction may ask of the processor that executes it. The processor in cpu/
 * implements it; this folder never imports from there. Every method that can fault throws the processor's
 * fault object after which the instruction has had no effect, so a handler does all its memory reads and
 * checks before its first register write.
 *
 * Offsets into a segment are 32 bits, and come signed or unsigned: the callee uses `offset >>> 0` (a signed one
 * stays a small integer in the host's engine, where an unsigned one above 2^31 is a heap number). 32-bit values
 * are signed (`| 0`) in and out; 8- and 16-bit values are zero-extended.
 */
export interface ExecutionContext {
  /** The state area (arch/state.ts) through four views of the same bytes. */
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly s32: Int32Array;
  readonly u32: Uint32Array;

  // --- memory through segmentation and paging
  read8(segment: SegmentIndex, offset: number): number;
  read16(segment: SegmentIndex, offset: number): number;
  read32(segment: SegmentIndex, offset: number): number;
  write8(segment: SegmentIndex, offset: number, value: number): void;
  write16(segment: SegmentIndex, offset: number, value: number): void;
  write32(segment: SegmentIndex, offset: number, value: number): void;
  /** Reads for a read-modify-write: checks for writing, so that {@link modifyWrite8} and its siblings cannot fault. */
  modify8(segment: SegmentIndex, offset: number): number;
  modify16(segment: SegmentIndex, offset: number): number;
  modify32(segment: SegmentIndex, offset: number): number;
  /** Writes back to the place of the last modify, which had the same width. */
  modifyWrite8(value: number): void;
  modifyWrite16(value: number): void;
  modifyWrite32(value: number): void;

  /** #AC(0) when alignment is checked and the operand's address is no multiple of `byteCount`; for operands read in parts. */
  requireOperandAligned(segment: SegmentIndex, offset: number, byteCount: number): void;

  // --- stack, honouring SS.B; (E)SP changes only when the access succeeded
  push16(value: number): void;
  push32(value: number): void;
  pop16(): number;
  pop32(): number;
  /** 0xffff or 0xffffffff (as -1): which bits of ESP the stack segment uses. */
  readonly stackMask: number;

  // --- control flow. `eip` is the next instruction's offset while a handler runs.
  get eip(): number;
  /** Offset of the instruction being executed. */
  readonly instructionEip: number;
  /** Near jump: checks the CS limit (#GP(0)). `target` is already cut to the operand size. */
  jumpNear(target: number): void;
  farJump(selector: number, offset: number, operandBytes: 2 | 4): void;
  farCall(selector: number, offset: number, operandBytes: 2 | 4): void;
  farReturn(operandBytes: 2 | 4, popBytes: number): void;
  interruptReturn(operandBytes: 2 | 4): void;
  /** INT n, INT3, INTO through the IDT; `int1` is ICEBP. */
  softwareInterrupt(vector: number, kind: 'int' | 'int3' | 'into' | 'int1'): void;
  sysenter(): void;
  sysexit(): void;
  syscall(): void;
  sysret(): void;
  /** Stops fetching until an interrupt (HLT). */
  halt(): void;

  // --- exceptions: never return
  raise(vector: number): never;
  /** Counts an attempt at something that the machine has not; the caller raises the fault that fits. */
  noteMissing(what: string): void;
  raiseWithCode(vector: number, errorCode: number): never;

  // --- privilege. The processor knows CPL, IOPL, VM and modes.
  readonly cpl: number;
  /** #GP(0) unless CPL is 0. */
  requireCpl0(): void;
  /** #UD in real and virtual-8086 mode: for arpl, lar, lsl, verr, verw, sldt, str, lldt, ltr. */
  requireProtectedMode(): void;
  /** EFLAGS with lazy flags materialised, VM and RF included. */
  readEflags(): number;
  /** Sets the bits of `mask` (all arithmetic ones included or not) to `value`'s; handles what IF, TF, AC changes bring. */
  writeEflags(value: number, mask: number): void;
  /** CLI and STI with the IOPL, VME and PVI rules; STI begins an interrupt shadow when IF was 0. */
  clearInterruptFlag(): void;
  setInterruptFlag(): void;
  /** PUSHF image and POPF, with the rules of the mode and privilege; 2 or 4 operand bytes. */
  pushFlagsImage(operandBytes: 2 | 4): number;
  popFlagsImage(value: number, operandBytes: 2 | 4): void;

  // --- segments and descriptor tables
  loadSegment(segment: SegmentIndex, selector: number): void;
  readSelector(segment: SegmentIndex): number;
  /** LAR: the access-rights doubleword; LSL: the limit in bytes. Null when the selector is not accessible (ZF = 0). */
  accessRights(selector: number): number | null;
  segmentLimit(selector: number): number | null;
  verifySegment(selector: number, forWriting: boolean): boolean;
  /** 'gdtr' | 'idtr': base unsigned, limit 16 bits. */
  readTable(table: 'gdtr' | 'idtr'): { base: number; limit: number };
  writeTable(table: 'gdtr' | 'idtr', base: number, limit: number): void;
  loadLocalDescriptorTable(selector: number): void;
  loadTaskRegister(selector: number): void;

  // --- system registers. CPL is checked by the callee, reserved registers and bits too.
  readControl(register: number): number;
  writeControl(register: number, value: number): void;
  readDebug(register: number): number;
  writeDebug(register: number, value: number): void;
  /** SMSW: CR0, without a privilege check. */
  readMachineStatusWord(): number;
  loadMachineStatusWord(value: number): void;
  clearTaskSwitched(): void;
  readMsr(): void; // index in ECX, value to EDX:EAX
  writeMsr(): void;
  readTimeStamp(): void; // to EDX:EAX
  readPerformanceCounter(): void;
  cpuid(): void;
  invalidatePage(segment: SegmentIndex, offset: number): void;
  flushCaches(kind: 'invd' | 'wbinvd'): void;
  /** SVM: exits if the instruction's own intercept is set. For those whose intercept comes before their reads of memory. */
  intercept(op: Operation): void;
  /** RDTSCP, MONITOR, MWAIT, XSETBV, RSM: undefined unless CPUID offers them. */
  optional(mnemonic: OptionalInstruction, segment: SegmentIndex): void;
  /** VMRUN and its family, by mnemonic. */
  svm(mnemonic: 'vmrun' | 'vmmcall' | 'vmload' | 'vmsave' | 'stgi' | 'clgi' | 'skinit' | 'invlpga'): void;
  /**
   * What comes before WAIT and any x87, MMX or SSE instruction: #NM as CR0 says, #MF when an x87 exception is
   * pending (not for 'x87.control'), #UD for what there is no unit for. WAIT and the x87 control instructions, by
   * which software looks for a coprocessor, are never undefined. @returns whether there is a coprocessor.
   */
  coprocessor(kind: 'wait' | 'x87' | 'x87.control' | 'simd', form: string): boolean;
  /** The coprocessor's registers; to be used when {@link coprocessor} says that it is there. */
  readonly x87: X87Unit;
  pause(): void;

  // --- ports: privilege (IOPL, TSS bitmap), intercepts and charges included
  /** The privilege and intercept checks of an access, without it: INS and OUTS make them before they touch memory. */
  requirePort(port: number, width: PortWidth, direction: 'in' | 'out'): void;
  portIn(port: number, width: PortWidth): number;
  portOut(port: number, width: PortWidth, value: number): void;

  // --- repeated string instructions
  /**
   * Called by a rep handler after each iteration but the last, registers up to date. Charges 'string' and the
   * operation's loads and stores for the iteration to come (the first one's are charged with the row). True: the
   * processor has set eip back to the instruction (an interrupt or a budget end is due); the handler returns.
   */
  endIteration(): boolean;
}
