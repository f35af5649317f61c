import t from 'tap';
import type { ExecutionContext } from '../../emulator/isa/context.js';
import { decode } from '../../emulator/isa/decoder.js';
import { disassemble } from '../../emulator/isa/disassemble.js';
import type { Handler, Operation } from '../../emulator/isa/operation.js';
import { FORMS } from '../../emulator/isa/table.js';
import { encodeForm } from './encode-form.js';
import { FlatContext, Trap } from './flat-context.js';
import { randomSource } from './random.js';

const MEMORY_BYTES = 0x100;
const CASES_PER_FORM = 30;
const EIP = 0x1000;

/** Asks for something that only a whole processor has, so these forms are tested there. */
class NeedsProcessor {}

/** Registers that address memory half of the time, and flags. */
function randomContext(random: (bound: number) => number): FlatContext {
  const memory = Uint8Array.from({ length: MEMORY_BYTES }, () => random(256));
  const context = new FlatContext(memory);
  for (let register = 0; register < 8; register++) {
    context.s32[register << 1] = random(2) === 0 ? random(MEMORY_BYTES) : random(2 ** 32);
  }
  // Repeated instructions get short.
  context.s32[1 << 1] = random(6);
  context.setFlags(random(0x1000) & 0xcd5);
  context.readOnlyFrom = random(2) === 0 ? random(MEMORY_BYTES) : Infinity;
  context.eip = EIP;
  return context;
}

function execute(handler: Handler, op: Operation, context: FlatContext): Trap | null {
  const guarded = new Proxy(context, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (value === undefined && name !== 'next') throw new NeedsProcessor();
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  try {
    handler(guarded as unknown as ExecutionContext, op);
    return null;
  } catch (trap) {
    if (trap instanceof Trap) return trap;
    throw trap;
  }
}

/** Registers and flags as text; a faulting instruction may have moved eip, which the processor puts back. */
function visible(context: FlatContext, withEip: boolean): string {
  const registers = Array.from({ length: 8 }, (_, number) => context.u32[number << 1].toString(16));
  return [...registers, context.readEflags().toString(16), withEip ? context.eip : ''].join(' ');
}

/** Calls `check` for random instructions of every form that a flat context can execute. @returns how many there were. */
function forEachCase(check: (op: Operation, seed: number) => string | null): {
  count: number;
  wrong: string[];
} {
  const random = randomSource(11);
  const wrong: string[] = [];
  let count = 0;
  for (const form of FORMS) {
    for (let number = 0; number < CASES_PER_FORM; number++) {
      const tail = Array.from({ length: 12 }, () => (random(2) === 0 ? random(256) : 0));
      const code = encodeForm(form, { modrm: random(256), tail, opcode: random(8) });
      const op = decode(code, 0, 15, 32);
      if (typeof op === 'string') continue;
      try {
        const difference = check(op, random(2 ** 31));
        count++;
        if (difference !== null) wrong.push(`${disassemble(op, EIP)}: ${difference}`);
      } catch (thrown) {
        if (!(thrown instanceof NeedsProcessor)) throw thrown;
      }
    }
  }
  return { count, wrong: wrong.slice(0, 20) };
}

t.test('a specialised handler does what the general one of its row does', async (t) => {
  const { count, wrong } = forEachCase((op, seed) => {
    if (op.handler === op.row.handler) return null;
    const general = randomContext(randomSource(seed));
    const special = randomContext(randomSource(seed));
    const generalTrap = execute(op.row.handler, op, general);
    const specialTrap = execute(op.handler, op, special);
    if (generalTrap?.vector !== specialTrap?.vector) return 'traps differ';
    if (visible(general, true) !== visible(special, true))
      return `${visible(general, true)} / ${visible(special, true)}`;
    return Buffer.compare(general.memory, special.memory) === 0 ? null : 'memory differs';
  });
  t.ok(count > 1000);
  t.same(wrong, []);
});

t.test('a fault leaves registers and flags as they were', async (t) => {
  let faults = 0;
  const { wrong } = forEachCase((op, seed) => {
    // A repeated instruction keeps the iterations before the fault.
    if (op.rep !== 'none') return null;
    const context = randomContext(randomSource(seed));
    const before = visible(context, false);
    if (execute(op.handler, op, context) === null) return null;
    faults++;
    const after = visible(context, false);
    return before === after ? null : `${before} / ${after}`;
  });
  t.ok(faults > 1000);
  t.same(wrong, []);
});
