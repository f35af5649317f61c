import { ATTR_DC, ATTR_DPL_SHIFT, ATTR_P, ATTR_S, SYS_INTERRUPT_GATE32 } from '../../arch/descriptors.js';
import { FLAGS_ARITHMETIC, FLAG_IF, FLAG_ONE, FLAG_RF } from '../../arch/flags.js';
import { CS, ESP, SS, TR } from '../../arch/registers.js';
import * as state from '../../arch/state.js';
import { KERNEL_FLAGS } from '../flag-control.js';
import { FAST_READ_SUPERVISOR, FAST_WRITE_SUPERVISOR } from '../tlb.js';
import * as e from './expressions.js';
import { ALLOWED, CONTROL } from './layout.js';
import type { CompiledLayout } from './layout.js';
import * as op from './opcodes.js';
import type { ImportedFunction } from './module-writer.js';
import { CODE_WANTED, STACK_MASK, STACK_WANTED, TransferRoutine, UNUSUAL_FLAGS } from './transfer-routine.js';

/*
 * Interrupts and page faults from ring 0 or 3 to ring 0, and IRETD from ring 0 to ring 0 or 3, for compiled code:
 * quick-transfer.ts once more, narrowed to segments that differ from the current ones in their privilege only, so that
 * nothing derived from them changes. All is looked at first; with 0 nothing has changed and the processor does it.
 */

const CODE = { wanted: CODE_WANTED, mask: CODE_WANTED | ATTR_DC };
const STACK = { wanted: STACK_WANTED, mask: STACK_MASK };
const GATE_MASK = ATTR_P | ATTR_S | 0xe;
const GATE_WANTED = ATTR_P | SYS_INTERRUPT_GATE32;
const TRAP_GATE = 1;
/** In the high half of a descriptor, whose second byte is that of its attributes. */
const GATE_SHIFT = 8;
const DPL_SHIFT = ATTR_DPL_SHIFT + GATE_SHIFT;
const RPL = 3;
const TSS_IS_32 = 8;
const USER = 3;
const WORD = 4;
/** From a table register's base, and from a segment's start, to their fields, in bytes. */
const TABLE_LIMIT = 8;
const ATTRIBUTES = 4;
const LIMIT = 8;
const BASE = 16;
/** ESP0 in a 32-bit TSS. */
const TSS_ESP0 = 4;
const ESP_OFFSET = ESP * 2 * WORD;

const SHORT_CALL = 0;
const DELIVER_IMPORTS: readonly ImportedFunction[] = [{ name: 'shortCall', parameters: 4, results: 1 }];

const { add, and, get, isZero, load, or, shl, shr, sub } = e;

/**
 * `run(vector, eip, isFault, errorCode, instructions, ticks)` delivers INT n, or with `isFault` an exception that pushes an error code.
 * Only a short way looks at the instructions and ticks that are left.
 * @param eip offset to be pushed. @returns a module whose function gives 1 when it is done.
 */
export function deliverModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const r = new TransferRoutine(layout, 6);
  const [vector, eip, isFault, errorCode, instructions, ticks] = [0, 1, 2, 3, 4, 5];
  // Only a monitor that has them lets units of a deprivileged guest come here.
  r.if(and(load(0, layout.arenaBytes + CONTROL.allowed), ALLOWED.shortWays), () =>
    r.return(e.call(SHORT_CALL, get(vector), get(eip), get(instructions), get(ticks))),
  );
  r.requireUsualFlags();
  const cpl = r.local(r.state(state.CPL_I32 * WORD));
  // Rings 1 and 2.
  r.failIf(e.below(sub(get(cpl), 1), 2));

  const at = r.local(shl(get(vector), 3));
  r.failIf(e.above(add(get(at), 7), r.state(state.IDTR_OFFSET + TABLE_LIMIT)));
  const gate = r.host(add(r.state(state.IDTR_OFFSET), get(at)), 8, FAST_READ_SUPERVISOR);
  const low = r.local(load(get(gate)));
  const high = r.local(load(get(gate), WORD));
  r.failIf(e.differ(and(get(high), (GATE_MASK << GATE_SHIFT) | 0), (GATE_WANTED << GATE_SHIFT) | 0));
  // Software may use gates of its own ring and outer ones only.
  const forbidden = e.below(and(shr(get(high), DPL_SHIFT), RPL), get(cpl));
  r.failIf(and(isZero(get(isFault)), forbidden));
  const selector = r.local(shr(get(low), 16));
  const target = r.local(or(and(get(low), 0xffff), and(get(high), 0xffff_0000 | 0)));
  const code = r.sameSegment(CS, get(selector), { ...CODE, dpl: 0, memo: 'enteredCode' });
  r.requireWithin(CS, get(target));

  const esp = r.local();
  const frameBytes = r.local();
  const stackSelector = r.local();
  const stack = r.local();
  r.if(
    get(cpl),
    () => {
      const is16 = isZero(and(r.segment(TR, ATTRIBUTES), TSS_IS_32));
      r.failIf(or(is16, e.below(r.segment(TR, LIMIT), TSS_ESP0 + WORD + 1)));
      const tss = r.host(add(r.segment(TR, BASE), TSS_ESP0), 2 * WORD, FAST_READ_SUPERVISOR);
      r.set(esp, load(get(tss)));
      r.set(stackSelector, load(get(tss), WORD, op.I32_LOAD16_U));
      r.failIf(and(get(stackSelector), RPL));
      r.set(stack, get(r.sameSegment(SS, get(stackSelector), { ...STACK, dpl: 0, memo: 'enteredStack' })));
      r.set(frameBytes, 5 * WORD);
    },
    () => {
      r.requirePlainStack();
      r.set(esp, r.state(ESP_OFFSET));
      r.set(frameBytes, 3 * WORD);
    },
  );
  r.if(get(isFault), () => r.set(frameBytes, add(get(frameBytes), WORD)));
  r.failIf(e.below(get(esp), get(frameBytes)));
  r.requireWithin(SS, sub(get(esp), 1));
  r.set(esp, sub(get(esp), get(frameBytes)));
  const top = r.host(add(get(esp), r.segment(SS, BASE)), get(frameBytes), FAST_WRITE_SUPERVISOR);
  r.failIf(r.isMarked(top));

  // Nothing can fail any more.
  r.if(get(isFault), () => {
    r.store(get(top), 0, get(errorCode));
    r.set(top, add(get(top), WORD));
  });
  r.store(get(top), 0, get(eip));
  r.store(get(top), WORD, r.segment(CS));
  // Faults push RF set, so that a breakpoint on the instruction does not fire again.
  r.store(get(top), 2 * WORD, or(r.flagsImage(), e.choose(get(isFault), FLAG_RF, 0)));
  r.setSegment(CS, and(get(selector), ~RPL), get(code));
  r.if(get(cpl), () => {
    r.store(get(top), 3 * WORD, r.state(ESP_OFFSET));
    r.store(get(top), 4 * WORD, r.segment(SS));
    r.setSegment(SS, get(stackSelector), get(stack));
    r.setPrivilege(0);
  });
  r.setState(ESP_OFFSET, get(esp));
  r.setState(state.EIP_I32 * WORD, get(target));
  r.if(isZero(and(get(high), TRAP_GATE << GATE_SHIFT)), () =>
    r.setState(state.EFLAGS_I32 * WORD, and(r.state(state.EFLAGS_I32 * WORD), ~FLAG_IF)),
  );
  r.setState(state.EFLAGS_I32 * WORD, and(r.state(state.EFLAGS_I32 * WORD), ~FLAG_RF));
  r.return(1);
  return r.finish(DELIVER_IMPORTS);
}

/** `run()` executes IRETD. @returns a module whose function gives 1 when it is done. */
export function returnModule(layout: CompiledLayout): Uint8Array<ArrayBuffer> {
  const r = new TransferRoutine(layout, 0);
  r.requireUsualFlags();
  r.failIf(r.state(state.CPL_I32 * WORD));
  r.requirePlainStack();
  const esp = r.local(r.state(ESP_OFFSET));
  const popped = (words: number): number => {
    r.failIf(e.above(get(esp), -(words + 1) * WORD));
    r.requireWithin(SS, add(get(esp), words * WORD - 1));
    return r.host(add(get(esp), r.segment(SS, BASE)), words * WORD, FAST_READ_SUPERVISOR);
  };
  const top = popped(3);
  const target = r.local(load(get(top)));
  const selector = r.local(load(get(top), WORD, op.I32_LOAD16_U));
  const image = r.local(load(get(top), 2 * WORD));
  const cpl = r.local(and(get(selector), RPL));
  // Rings 1 and 2.
  r.failIf(or(e.below(sub(get(cpl), 1), 2), and(get(image), UNUSUAL_FLAGS)));
  const code = r.sameSegment(CS, get(selector), { ...CODE, dpl: get(cpl), memo: 'returnedCode' });
  r.requireWithin(CS, get(target));
  r.if(
    get(cpl),
    () => {
      popped(5);
      const stackSelector = r.local(load(get(top), 4 * WORD, op.I32_LOAD16_U));
      r.failIf(e.differ(and(get(stackSelector), RPL), USER));
      const stack = r.sameSegment(SS, get(stackSelector), {
        ...STACK,
        dpl: get(cpl),
        memo: 'returnedStack',
      });
      r.requireOuterData();
      r.setSegment(SS, get(stackSelector), get(stack));
      r.setState(ESP_OFFSET, load(get(top), 3 * WORD));
      r.setPrivilege(get(cpl));
    },
    () => r.setState(ESP_OFFSET, add(get(esp), 3 * WORD)),
  );
  r.setSegment(CS, get(selector), get(code));
  r.setState(state.EIP_I32 * WORD, get(target));
  const kept = and(r.state(state.EFLAGS_I32 * WORD), ~KERNEL_FLAGS);
  r.setState(state.EFLAGS_I32 * WORD, or(kept, and(get(image), KERNEL_FLAGS & ~FLAGS_ARITHMETIC), FLAG_ONE));
  r.setArithmeticFlags(get(image));
  r.return(1);
  return r.finish();
}
