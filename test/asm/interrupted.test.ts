import iced from 'iced-x86';
import t from 'tap';
import { assemble } from '../../emulator/asm/index.js';

const SOURCE = 'again: jmp again\nxor eax, eax\nvmrun\n';

t.test('who is stopped while the table of instructions is read finds all of it the next time', async (t) => {
  const { CodeExt } = iced;
  const { opCode } = CodeExt;
  let read = 0;
  // As an interrupt of a cell does, which ends its JavaScript wherever it is.
  CodeExt.opCode = (code) => {
    if (++read === 100) throw new Error('stopped');
    return opCode(code);
  };
  t.throws(() => assemble(SOURCE), { message: 'stopped' });
  CodeExt.opCode = opCode;
  t.same(assemble(SOURCE).diagnostics, []);
});
