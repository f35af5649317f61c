/**
 * Writes test/asm/forms.txt (instruction forms and the bytes NASM gives them) and renews the bytes in
 * test/asm/programs.txt. Run by hand when a form or program is added, with `nasm` on PATH:
 * `node dist/test/asm/make-forms.js`. Both files are what NASM says, never our own output.
 */
import { writeFileSync } from 'node:fs';
import { formOrigin, formProgram, formsFile, programsFile, readPrograms } from './forms.js';
import { Nasm } from './nasm.js';

/** Mnemonics and the operands to try each with; '' is no operand. Every pair is tried in 16 and 32-bit code. */
interface Group {
  readonly mnemonics: string;
  readonly operands: readonly string[];
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

const conditions = words(
  'o no b c nae ae nb nc e z ne nz be na a nbe s ns p pe np po l nge ge nl le ng g nle',
);
const conditional = (head: string) => conditions.map((condition) => head + condition).join(' ');

/** Memory operands in every addressing form. */
const addresses = [
  '[0x1234]',
  '[0xfffe]',
  '[dword 0x1234]',
  '[word 0x1234]',
  '[bx]',
  '[si]',
  '[di+5]',
  '[bp]',
  '[bp+si]',
  '[bx+di+0x7f]',
  '[si+bx-0x81]',
  '[bp+di+0x1234]',
  '[byte bx]',
  '[word bx+1]',
  '[eax]',
  '[ebp]',
  '[esp]',
  '[esp+8]',
  '[ebx+0x7f]',
  '[ebx+0x80]',
  '[ebx-0x80]',
  '[ebx-0x81]',
  '[byte ebx]',
  '[dword ebx]',
  '[dword ebx+1]',
  '[ebx+ecx]',
  '[ecx+ebx]',
  '[ebp+ecx]',
  '[ecx+ebp]',
  '[esp+ecx]',
  '[ecx+esp]',
  '[ebx+ecx*2]',
  '[ecx*4+ebx+5]',
  '[ebp+ecx*8-0x81]',
  '[ecx*1]',
  '[ecx*2]',
  '[ecx*3]',
  '[ecx*4]',
  '[ecx*5+1]',
  '[ecx*8]',
  '[ecx*9]',
  '[ebp*2]',
  '[nosplit ecx*1]',
  '[nosplit ecx*2]',
  '[nosplit ecx+ecx]',
  '[ecx*1+ebx]',
  '[ebx+ecx*1]',
  '[esp*1+ebx]',
  '[ecx+ecx*4]',
  '[es:ebx]',
  '[cs:bx+si]',
  '[ss:ebp]',
  '[ds:0x1234]',
  '[fs:0]',
  '[gs:ecx*4+1]',
  '[$]',
  '[ebx+$]',
  '[ebx+$-$$+1]',
  '[ecx*6]',
  '[esp*2]',
  '[ebx+ecx+edx]',
  '[bx+cx]',
  '[ax]',
  '[eax+bx]',
];

const arithmetic = [
  ...[
    'al,bl',
    'ah,dh',
    'bx,cx',
    'ebx,ecx',
    'bl,[ebx]',
    '[ebx],bl',
    'cx,[ebx]',
    '[bx],cx',
    'ecx,[ebx+4]',
    '[si],ecx',
  ],
  ...[
    'al,5',
    'al,-1',
    'al,0xff',
    'bl,5',
    'ax,5',
    'ax,0x1234',
    'ax,0xffff',
    'bx,5',
    'bx,-129',
    'eax,5',
    'eax,127',
  ],
  ...[
    'eax,128',
    'eax,-128',
    'eax,-129',
    'eax,0xffffffff',
    'eax,0xffffff80',
    'ebx,5',
    'ebx,0x12345678',
    'eax,$',
  ],
  ...[
    'ebx,$',
    'bx,$',
    'byte [ebx],5',
    'word [ebx],5',
    'word [bx],0x1234',
    'dword [ebx],5',
    'dword [ebx],0x12345678',
  ],
  ...[
    '[ebx],byte 5',
    '[ebx],word 0x1234',
    '[ebx],dword 5',
    'eax,byte 5',
    'ebx,dword 5',
    'eax,strict dword 5',
  ],
  ...[
    'ax,strict word 5',
    'ebx,strict byte 5',
    'ebx,strict dword 5',
    'al,strict byte 5',
    'al,bx',
    'eax,bx',
    '[ebx],5',
  ],
  ...['5,al', 'cs,ax', 'eax', '', 'eax,ebx,ecx'],
];

const registerOrMemory = [
  ...[
    'al',
    'dh',
    'cx',
    'sp',
    'ecx',
    'esp',
    'byte [ebx]',
    'word [ebx]',
    'dword [ebx]',
    'byte [bx+si]',
    'word [bp]',
  ],
  ...['dword [es:edi+4]', '[ebx]', '5', ''],
];

const shifts = [
  ...[
    'al,1',
    'bx,1',
    'ecx,1',
    'al,5',
    'bx,5',
    'ecx,31',
    'al,cl',
    'bx,cl',
    'ecx,cl',
    'byte [ebx],1',
    'word [bx],5',
  ],
  ...['dword [ebx],cl', 'dword [ebx],1', 'ecx,strict byte 1', 'ecx,byte 1', 'ecx,dl', '[ebx],1', 'ecx'],
];

const bits = [
  'ax,bx',
  'eax,ebx',
  '[ebx],cx',
  '[ebx],ecx',
  'ax,5',
  'ecx,5',
  'word [ebx],5',
  'dword [bx],5',
  '[ebx],5',
  'al,bl',
];

const wideLoads = ['ax,bx', 'eax,ebx', 'cx,[ebx]', 'ecx,[bx]', 'ecx,[fs:ebx]', 'al,bl', 'eax,bx', 'eax,5'];

const selectors = ['ax', 'bx', 'ecx', 'word [ebx]', '[bx]', 'dword [ebx]', 'al'];

const branches = [
  ...[
    '$',
    '$+2',
    '$+127',
    '$+129',
    '$+130',
    '$-126',
    '$-127',
    '$+0x1000',
    'short $',
    'near $',
    'short $+200',
  ],
  ...['word $', 'dword $', 'strict near $'],
];

const tables = ['[ebx]', '[bx+si]', '[0x1234]', '[cs:0x1234]', 'eax'];

const x87Memory = ['dword [ebx]', 'qword [ebx]', 'tword [bx]', 'word [ebx]', '[ebx]'];
const x87Registers = ['', 'st0', 'st3', 'st0,st2', 'st2,st0', 'to st4', 'st1,st2'];

const sse = [
  'xmm1,xmm2',
  'xmm1,[ebx]',
  'xmm7,[bx+si]',
  'mm1,mm2',
  'mm1,[ebx]',
  '[ebx],xmm1',
  '[ebx],mm1',
  'eax,xmm1',
  'xmm1,eax',
];

const groups: readonly Group[] = [
  { mnemonics: 'add or adc sbb and sub xor cmp', operands: arithmetic },
  { mnemonics: 'mov', operands: addresses.flatMap((address) => [`ecx,${address}`, `${address},dl`]) },
  {
    mnemonics: 'mov',
    operands: addresses.slice(0, 20).flatMap((one) => [`al,${one}`, `${one},ax`, `eax,${one}`]),
  },
  { mnemonics: 'lea', operands: addresses.map((address) => `edx,${address}`) },
  { mnemonics: 'jmp call inc push', operands: addresses.slice(0, 30).map((address) => `dword ${address}`) },
  {
    mnemonics: 'mov',
    operands: [
      ...arithmetic,
      ...[
        'es,ax',
        'ss,ax',
        'ds,eax',
        'fs,[ebx]',
        'gs,word [bx]',
        'ds,dword [ebx]',
        'ax,cs',
        'eax,ds',
        '[ebx],fs',
      ],
      ...['word [bx],gs', 'dword [ebx],gs', 'cr0,eax', 'eax,cr0', 'ecx,cr2', 'cr3,edi', 'cr4,ecx', 'dr0,eax'],
      ...[
        'edx,dr7',
        'dr6,ebx',
        'tr6,eax',
        'eax,tr7',
        'cr0,ax',
        'es,5',
        'cs,ax',
        'ah,5',
        'sp,0x7c00',
        'esp,0x90000',
      ],
      ...['dword eax,5', "al,'a'", "eax,'abcd'", 'rax,5', 'eax,xmm0', '5,eax'],
    ],
  },
  { mnemonics: 'inc dec neg not mul div idiv imul', operands: registerOrMemory },
  {
    mnemonics: 'imul',
    operands: [
      ...[
        'ax,bx',
        'eax,[ebx]',
        'eax,5',
        'eax,500',
        'ax,500',
        'ax,5',
        'eax,ebx,5',
        'eax,[ebx],5',
        'ax,[bx],500',
      ],
      ...['eax,ebx,-129', 'eax,ebx,strict dword 5', 'al,bl', 'eax,ebx,$'],
    ],
  },
  { mnemonics: 'rol ror rcl rcr shl sal shr sar', operands: shifts },
  {
    mnemonics: 'shld shrd',
    operands: ['ax,bx,5', 'eax,ebx,cl', '[ebx],cx,5', '[ebx],ecx,cl', 'eax,ebx', 'al,bl,5'],
  },
  { mnemonics: 'bt bts btr btc', operands: bits },
  { mnemonics: 'bsf bsr popcnt lzcnt tzcnt', operands: wideLoads },
  {
    mnemonics: 'movzx movsx',
    operands: [
      'ax,bl',
      'eax,bl',
      'eax,bx',
      'ax,byte [ebx]',
      'eax,byte [bx]',
      'eax,word [ebx]',
      'eax,[ebx]',
      'ax,[ebx]',
      'eax,ebx',
    ],
  },
  {
    mnemonics: 'test xchg cmpxchg xadd',
    operands: [
      ...[
        'al,bl',
        'bl,al',
        'ax,bx',
        'bx,ax',
        'eax,ebx',
        'ebx,eax',
        'eax,eax',
        'ax,ax',
        'ecx,edx',
        'ecx,[ebx]',
        '[ebx],ecx',
      ],
      ...[
        'cl,[bx]',
        '[bx],cl',
        'dx,[ebx]',
        'al,5',
        'bl,5',
        'ax,5',
        'eax,5',
        'ebx,5',
        'byte [ebx],5',
        'dword [bx],5',
        '[ebx],5',
      ],
    ],
  },
  { mnemonics: conditional('set'), operands: ['al', 'byte [ebx]', '[bx]', 'eax'] },
  { mnemonics: conditional('cmov'), operands: ['ax,bx', 'ecx,[ebx]'] },
  { mnemonics: conditional('j'), operands: ['$', '$+200', 'short $', 'near $'] },
  { mnemonics: 'jmp call jo jecxz jcxz loop loope loopne loopz loopnz', operands: branches },
  { mnemonics: 'loop loope loopne', operands: ['$,cx', '$,ecx'] },
  {
    mnemonics: 'jmp call',
    operands: [
      ...[
        'eax',
        'ax',
        '[ebx]',
        'word [ebx]',
        'dword [ebx]',
        'near [ebx]',
        'far [ebx]',
        'word far [ebx]',
        'dword far [bx]',
      ],
      ...[
        'far dword [ebx]',
        '8:0x1234',
        'word 8:0x1234',
        'dword 8:0x12345678',
        '0x10:$',
        'al',
        'qword [ebx]',
      ],
    ],
  },
  { mnemonics: 'jmp call', operands: ['0x1234', '0x100080'] },
  { mnemonics: 'push', operands: ['cs'] },
  {
    mnemonics: 'push pop',
    operands: [
      ...[
        'ax',
        'ecx',
        'esp',
        'es',
        'ss',
        'ds',
        'fs',
        'gs',
        'word [ebx]',
        'dword [bx]',
        '[ebx]',
        'al',
        '5',
        '-1',
      ],
      ...[
        '127',
        '128',
        '-129',
        '0x1234',
        '0x12345678',
        '$',
        'byte 5',
        'word 5',
        'word 500',
        'dword 5',
        'dword 500',
      ],
      ...['strict word 5', 'strict dword 5', 'strict byte 5', "'a'", '0xffffffff'],
    ],
  },
  { mnemonics: 'ret retn retf', operands: ['', '4', '0x1234', 'word 4', 'eax'] },
  // Not with a number: NASM 2.16 leaves out the operand-size prefix there.
  { mnemonics: 'retw retd retfw retfd', operands: [''] },
  { mnemonics: 'int', operands: ['0x80', '3', 'byte 5', '', 'al'] },
  { mnemonics: 'enter', operands: ['16,0', '0x1234,31', '5'] },
  { mnemonics: 'in', operands: ['al,5', 'ax,5', 'eax,0x80', 'al,dx', 'ax,dx', 'eax,dx', 'bl,5', 'al,cx'] },
  {
    mnemonics: 'out',
    operands: ['5,al', '5,ax', '0xf4,eax', 'dx,al', 'dx,ax', 'dx,eax', '5,bl', 'byte 5,al'],
  },
  {
    mnemonics: [
      'aaa aas aad aam daa das cbw cwde cwd cdq clc cld cli clts cmc hlt lahf sahf salc stc std sti nop pause wait fwait',
      'leave iret iretw iretd into int3 int1 icebp int01 int03 pushf pushfw pushfd popf popfw popfd pusha pushaw pushad',
      'popa popaw popad xlat xlatb cpuid rdtsc rdtscp rdpmc rdmsr wrmsr rsm syscall sysret sysenter sysexit invd wbinvd',
      'ud0 ud2 ud2a monitor mwait vmrun vmmcall vmload vmsave stgi clgi invlpga lfence mfence sfence emms xgetbv xsetbv',
      'movsb movsw movsd cmpsb cmpsw cmpsd stosb stosw stosd lodsb lodsw lodsd scasb scasw scasd insb insw insd',
      'outsb outsw outsd',
    ].join(' '),
    operands: [''],
  },
  {
    mnemonics: 'movsb movsd cmpsb scasw stosd lodsb insb outsd nop ret iret pushf popa vmrun xlatb cbw leave',
    operands: [
      '@rep',
      '@repe',
      '@repne',
      '@o16',
      '@o32',
      '@a16',
      '@a32',
      '@es',
      '@fs rep',
      '@rep a16',
      '@o32 a32',
    ],
  },
  { mnemonics: 'monitor', operands: ['eax,ecx,edx', 'eax'] },
  { mnemonics: 'mwait', operands: ['eax,ecx', 'eax'] },
  { mnemonics: 'invlpga', operands: ['eax,ecx', 'ax,ecx', 'eax'] },
  { mnemonics: 'vmrun vmload vmsave', operands: ['eax', 'ax'] },
  { mnemonics: 'aam aad', operands: ['5', '10', '16'] },
  { mnemonics: 'lldt ltr lmsw verr verw sldt str smsw', operands: selectors },
  {
    mnemonics: 'lar lsl',
    operands: ['ax,bx', 'eax,ebx', 'eax,bx', 'ax,ebx', 'eax,[ebx]', 'eax,word [ebx]', 'eax,dword [ebx]'],
  },
  { mnemonics: 'arpl', operands: ['ax,bx', '[ebx],cx', 'eax,ebx'] },
  { mnemonics: 'bound', operands: ['ax,[ebx]', 'eax,[bx]', 'eax,ebx'] },
  { mnemonics: 'lds les lss lfs lgs', operands: ['ax,[ebx]', 'eax,[bx]', 'eax,[es:ebx+4]', 'eax,ebx'] },
  { mnemonics: 'lgdt lidt sgdt sidt invlpg', operands: tables },
  { mnemonics: 'bswap', operands: ['eax', 'edi', 'ax'] },
  { mnemonics: 'cmpxchg8b', operands: ['[ebx]', 'qword [ebx]', 'eax'] },
  { mnemonics: 'nop', operands: ['eax', 'word [ebx]', 'dword [ebx+ecx]', '[ebx]'] },
  { mnemonics: 'ud1', operands: ['eax,ebx', 'ax,[ebx]'] },
  {
    mnemonics: 'add inc cmpxchg xchg',
    operands: ['@lock', '@es', '@lock fs', '@o16', '@a16', '@lock a16', '@gs a32'].map(
      (prefix) => `${prefix} dword [ebx]`,
    ),
  },
  {
    mnemonics: 'prefetchnta prefetcht0 prefetcht1 prefetcht2 clflush fxsave fxrstor ldmxcsr stmxcsr',
    operands: ['[ebx]', '[bx]'],
  },
  { mnemonics: 'fadd fsub fsubr fmul fdiv fdivr', operands: [...x87Memory, ...x87Registers] },
  { mnemonics: 'faddp fsubp fsubrp fmulp fdivp fdivrp', operands: x87Registers },
  {
    mnemonics: 'fcom fcomp fucom fucomp fucomi fucomip fcomi fcomip fxch ffree',
    operands: [...x87Registers, ...x87Memory],
  },
  {
    mnemonics: 'fld fst fstp fild fist fistp fisttp fbld fbstp',
    operands: [...x87Memory, 'st0', 'st5', '5'],
  },
  {
    mnemonics: 'fiadd fisub fisubr fimul fidiv fidivr ficom ficomp',
    operands: ['word [ebx]', 'dword [bx]', '[ebx]'],
  },
  {
    mnemonics: words('b e be u nb ne nbe nu')
      .map((one) => `fcmov${one}`)
      .join(' '),
    operands: ['st0,st1', 'st3', ''],
  },
  {
    mnemonics: [
      'finit fninit fclex fnclex fcompp fucompp fabs fchs ftst fxam fld1 fldl2t fldl2e fldpi fldlg2 fldln2 fldz f2xm1',
      'fyl2x fptan fpatan fxtract fprem1 fdecstp fincstp fprem fyl2xp1 fsqrt fsincos frndint fscale fsin fcos fnop',
    ].join(' '),
    operands: [''],
  },
  {
    mnemonics: 'fldcw fstcw fnstcw fldenv fstenv fnstenv fsave fnsave frstor fstsw fnstsw',
    operands: ['[ebx]', 'word [bx]', 'ax'],
  },
  {
    mnemonics: [
      'movaps movups movss movsd movapd movupd movdqa movdqu movq movd movhlps movlps movhps addps addss addsd mulps',
      'subpd divss sqrtps andps andnps orps xorps minss maxps ucomiss comisd cvtsi2sd cvttsd2si cvtss2sd cvtdq2ps',
      'paddb paddw paddd psubb pxor por pand pcmpeqb pmullw punpcklbw packuswb pmovmskb movmskps movntps movnti',
    ].join(' '),
    operands: sse,
  },
  {
    mnemonics: 'shufps pshufd cmpps pshufw pinsrw pextrw',
    operands: ['xmm1,xmm2,5', 'xmm1,[ebx],5', 'mm1,mm2,5', 'mm1,eax,5', 'eax,mm1,5'],
  },
  { mnemonics: 'psllw psrad psrlq pslldq', operands: ['xmm1,5', 'mm1,5', 'xmm1,xmm2', 'mm1,[ebx]'] },
];

const nasm = new Nasm();
const bytesOf = (source: string) => nasm.assemble(source).replace(/^error: .*/, 'error');

/** `@lock fs dword [ebx]` puts the prefixes before the mnemonic. */
function instruction(mnemonic: string, operands: string): string {
  const prefixed = /^@((?:(?:rep|repe|repne|lock|o16|o32|a16|a32|[c-gs]s) ?)+)(.*)$/.exec(operands);
  if (prefixed === null) return `${mnemonic} ${operands}`.trim();
  const two = mnemonic === 'add' || mnemonic === 'cmpxchg' || mnemonic === 'xchg';
  return `${prefixed[1].trim()} ${mnemonic} ${prefixed[2]}${two ? ',ecx' : ''}`.trim();
}

const rows = new Set<string>();
for (const { mnemonics, operands } of groups) {
  for (const mnemonic of words(mnemonics)) {
    for (const one of operands) {
      for (const codeBits of [16, 32]) {
        const source = instruction(mnemonic, one);
        rows.add(`${codeBits} | ${source} | ${bytesOf(formProgram(codeBits, source))}`);
      }
    }
  }
}
const head = [
  `# Instruction forms and their bytes: code size | source | bytes. Made by test/asm/make-forms.ts with`,
  `# ${nasm.version()},`,
  `# nasm -f bin, at ${formOrigin}. A row with 'error' is one NASM refuses; so must we.`,
];
writeFileSync(formsFile, `${[...head, ...rows].join('\n')}\n`);

const programs = readPrograms().map(({ name, source }) => `### ${name}\n${source}=> ${bytesOf(source)}\n`);
writeFileSync(programsFile, programs.join('\n'));
nasm.close();
console.log(`${rows.size} forms, ${programs.length} programs`);
