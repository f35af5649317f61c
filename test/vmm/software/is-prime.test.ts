import t from 'tap';
import { formatTranslation } from '../../../emulator/vmm/software/translations.js';
import { matchesGolden } from '../../golden.js';
import { ending, native, program, translated } from './bench.js';

/** The paper's example (section 3.2), byte for byte, called once with 49. */
const IS_PRIME = `
start:  mov esp, STACK_TOP
        mov edi, 49
        call isPrime
        exit 0
        align 64
isPrime:
        mov ecx, edi
        mov esi, 2
        cmp esi, ecx
        jge prime
nexti:  mov eax, ecx
        cdq
        idiv esi
        test edx, edx
        jz notPrime
        db 0xff, 0xc6               ; inc esi, as the paper's 64-bit code has it
        cmp esi, ecx
        jl nexti
prime:  mov eax, 1
        ret
notPrime:
        xor eax, eax
        ret
is_prime_end:
`;

t.test('isPrime(49): what the paper describes', async (t) => {
  const guest = program(IS_PRIME);
  const { isPrime, nexti, prime, notPrime, is_prime_end } = guest.symbols;
  const vmm = translated(guest);
  t.same(ending(vmm), ending(native(guest)));
  const fragments = vmm.translations.list().filter(({ eip }) => eip >= isPrime && eip < is_prime_end);
  const inc = nexti + 9;
  t.same(
    fragments.map(({ eip }) => eip),
    [isPrime, nexti, inc, notPrime],
    '4 CCFs, in the order of first execution',
  );
  t.same(vmm.translations.at(prime), [], 'the block that returns 1 is never translated');
  t.same(
    fragments.map(({ instructions }) => instructions.filter(({ form }) => form === 'ident').length),
    [3, 4, 2, 1],
    'all are IDENT but the control transfers',
  );

  const exits = fragments.map(({ instructions }) =>
    instructions.flatMap(({ translated }) => translated.flatMap(({ leadsTo }) => leadsTo ?? [])),
  );
  const hex = (value: number) => `0x${value.toString(16)}`;
  t.same(exits, [
    [`continuation ${hex(prime)}`], // jge, never taken; falls through
    [`ccf ${hex(notPrime)}`], // jz, chained; falls through
    [`ccf ${hex(nexti)}`, `continuation ${hex(prime)}`], // jl, chained; never falls through
    [],
  ]);
  t.equal(fragments[1].linear, fragments[0].linear + fragments[0].lengthBytes, 'fall-through by placement');
  t.equal(fragments[2].linear, fragments[1].linear + fragments[1].lengthBytes, 'fall-through by placement');
  t.match(
    fragments[3].instructions.at(-1)?.translated.map(({ text }) => text.split(' ')[0]),
    ['mov', 'pop', 'mov', 'movzx', 'jmp'],
    'ret goes through the hash of the low 8 bits',
  );
  matchesGolden(t, 'is-prime-translations.txt', fragments.map(formatTranslation).join('\n'));
});
