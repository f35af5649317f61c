import { ECX, SS } from '../../arch/registers.js';
import { INDIRECT_JUMPS_I32 } from '../../arch/state.js';
import type { Operation } from '../../isa/operation.js';
import { moveStackPointer, pushOnStack, stackPointer } from './emit-data.js';
import { DELIVER, INTERRUPT_RETURN } from './frame.js';
import type { Frame } from './frame.js';
import * as local from './locals.js';
import * as op from './opcodes.js';
import { notation, push } from './operands.js';

const PAGE_BYTES = 4096;
const SLOT_BYTES = 4;

/** Where control goes at the end of a block, in the region that is being written. */
export interface Edges {
  /** To a place in the page, or relative to it beyond. */
  to(pageOffset: number): void;
  /** To the offset in CS in local EIP. */
  indirect(): void;
  /** To the offset in CS in local EIP, where the next fetch goes through the TLB anew. */
  refetched(): void;
  /** As {@link indirect}, after INT n or IRETD: at another privilege the next fetch goes through the TLB anew, and RF may be set. */
  transferred(): void;
}

function isOutside(pageOffset: number): boolean {
  return pageOffset < 0 || pageOffset >= PAGE_BYTES;
}

/** A jump to another page may break the limit of CS, which faults at the jump; this page lies within it as a whole. */
function checkLimit(f: Frame, pageOffset: number): void {
  if (!isOutside(pageOffset)) return;
  f.pushEip(pageOffset);
  f.w.set(local.EIP);
  f.exitBeyondLimit();
}

/** Writes a near transfer (coverage.ts says which) that ends a block. */
export function emitTransfer(f: Frame, operation: Operation, edges: Edges): void {
  const { w } = f;
  const { mnemonic } = operation.row;
  const next = operation.pageOffset + operation.lengthBytes;
  const target = next + operation.immediate;
  const [operand] = notation(operation.row);
  switch (mnemonic) {
    case 'jmp':
      if (operand[0] === 'J') {
        checkLimit(f, target);
        edges.to(target);
        return;
      }
      push(f, operation, operand, SLOT_BYTES);
      w.set(local.EIP);
      f.exitBeyondLimit();
      countIndirectJump(f);
      edges.indirect();
      return;
    case 'call': {
      const isDirect = operand[0] === 'J';
      if (isDirect) checkLimit(f, target);
      else {
        push(f, operation, operand, SLOT_BYTES);
        w.set(local.EIP);
        f.exitBeyondLimit();
      }
      pushOnStack(f, () => f.pushEip(next));
      if (isDirect) edges.to(target);
      else edges.indirect();
      return;
    }
    case 'ret':
      stackPointer(f, 0);
      f.load(SS, SLOT_BYTES);
      w.set(local.EIP);
      f.exitBeyondLimit();
      moveStackPointer(f, SLOT_BYTES + operation.immediate);
      edges.indirect();
      return;
    case 'int':
      f.executeOnState(() => {
        w.const(operation.immediate);
        f.pushEip(next);
        w.const(0);
        w.const(0);
        w.get(local.INSTRUCTIONS);
        w.get(local.TICKS);
        w.call(DELIVER);
        w.tee(local.SCRATCH);
      });
      f.countShortWay();
      edges.transferred();
      return;
    case 'iret':
      f.executeOnState(() => w.call(INTERRUPT_RETURN));
      edges.transferred();
      return;
    case 'invlpg':
      f.invalidatePage();
      // The page under execution may be the one.
      f.unlessFetched(() => {
        f.pushEip(next);
        w.set(local.EIP);
        edges.refetched();
      });
      edges.to(next);
      return;
    case 'loop':
    case 'loope':
    case 'loopne':
      f.getRegister(ECX, 4);
      w.const(1);
      w.op(op.I32_SUB);
      w.tee(local.SCRATCH);
      if (mnemonic !== 'loop') {
        w.const(0);
        w.op(op.I32_NE);
        // JE and JNE by number
        f.flags.condition(mnemonic === 'loope' ? 4 : 5);
        w.op(op.I32_AND);
      }
      branch(f, target, next, edges, () => {
        w.get(local.SCRATCH);
        f.setRegister(ECX, 4);
      });
      return;
    case 'jecxz':
      f.getRegister(ECX, 4);
      w.op(op.I32_EQZ);
      branch(f, target, next, edges, () => {});
      return;
    default:
      f.flags.condition(operation.opcodeByte & 15);
      branch(f, target, next, edges, () => {});
  }
}

function countIndirectJump({ w, layout }: Frame): void {
  const counter = layout.stateBytes + INDIRECT_JUMPS_I32 * SLOT_BYTES;
  w.const(0);
  w.const(0);
  w.memory(op.I32_LOAD, counter);
  w.const(1);
  w.op(op.I32_ADD);
  w.memory(op.I32_STORE, counter);
}

/** Pops the condition. @param commit writes what the instruction does whether it jumps or not. */
function branch(f: Frame, target: number, next: number, edges: Edges, commit: () => void): void {
  const { w, flags } = f;
  w.open(op.IF);
  const before = flags.state;
  checkLimit(f, target);
  commit();
  edges.to(target);
  flags.state = before;
  w.end();
  commit();
  edges.to(next);
}
