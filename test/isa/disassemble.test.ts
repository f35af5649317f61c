import t from 'tap';
import { decode } from '../../emulator/isa/decoder.js';
import { disassemble } from '../../emulator/isa/disassemble.js';

const EIP = 0xc010_0000;

const ROWS: readonly [code: string, text: string, codeBits?: 16][] = [
  ['01d8', 'add eax,ebx'],
  ['6601d8', 'add ax,bx'],
  ['00e5', 'add ch,ah'],
  ['8b448b10', 'mov eax,dword [ebx+ecx*4+0x10]'],
  ['8945fc', 'mov dword [ebp-0x4],eax'],
  ['8b0d78563412', 'mov ecx,dword [0x12345678]'],
  ['8b04cd00000000', 'mov eax,dword [ecx*8]'],
  ['65a100000000', 'mov eax,[gs:0x0]'],
  ['678b4702', 'mov eax,dword [bx+0x2]'],
  ['8b42fe', 'mov ax,word [bp+si-0x2]', 16],
  ['c6042401', 'mov byte [esp],0x1'],
  ['83c0ff', 'add eax,0xffffffff'],
  ['0fb603', 'movzx eax,byte [ebx]'],
  ['8ed8', 'mov ds,ax'],
  ['0f22d8', 'mov cr3,eax'],
  ['0f23f8', 'mov dr7,eax'],
  ['d1e0', 'shl eax,1'],
  ['d3e0', 'shl eax,cl'],
  ['7405', 'je 0xc0100007'],
  ['e8fbffffff', 'call 0xc0100000'],
  ['66e90000', 'jmp 0x4'],
  ['ff1485000010c0', 'call dword [eax*4+0xc0100000]'],
  ['ff2d00100000', 'jmp far [0x1000]'],
  ['ea000010000800', 'jmp 0x8:0x100000'],
  ['c21000', 'ret 0x10'],
  ['c8100001', 'enter 0x10,0x1'],
  ['f3a5', 'rep movsd'],
  ['64a4', 'fs movsb'],
  ['f3a6', 'repe cmpsb'],
  ['66f2af', 'repne scasw'],
  ['f00fc10b', 'lock xadd dword [ebx],ecx'],
  ['ed', 'in eax,dx'],
  ['e480', 'in al,0x80'],
  ['9c', 'pushfd'],
  ['669d', 'popfw'],
  ['cf', 'iretd'],
  ['6698', 'cbw'],
  ['e300', 'jecxz 0xc0100002'],
  ['0f0118', 'lidt [eax]'],
  ['0f01d8', 'vmrun'],
  ['0fc70e', 'cmpxchg8b qword [esi]'],
  ['d8c1', 'fadd st0,st1'],
  ['dd05000010c0', 'fld qword [0xc0100000]'],
  ['660fefc1', 'pxor xmm0,xmm1'],
  ['0f0b', 'ud2'],
  ['0fff00', 'ud0 eax,dword [eax]'],
  ['0f38', '(undefined)'],
];

t.test('disassembly in NASM syntax', async (t) => {
  for (const [code, text, codeBits] of ROWS) {
    const bytes = new Uint8Array(16);
    bytes.set(Buffer.from(code, 'hex'));
    const op = decode(bytes, 0, 15, codeBits ?? 32);
    t.equal(typeof op === 'string' ? op : disassemble(op, EIP), text, code);
  }
});

t.test('symbols stand for branch targets and absolute addresses', async (t) => {
  const symbol = (address: number): string | null =>
    address === 0x1000 ? 'counter' : address === 2 ? 'again' : null;
  const rows: readonly [string, string][] = [
    ['ff0500100000', 'inc dword [counter]'],
    ['7500', 'jne again'],
    ['7501', 'jne 0x3'],
  ];
  for (const [code, text] of rows) {
    const bytes = Buffer.from(code, 'hex');
    const op = decode(bytes, 0, bytes.length, 32);
    t.equal(typeof op === 'string' ? op : disassemble(op, 0, symbol), text);
  }
});
