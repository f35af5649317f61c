/** Guests for the equivalence of translated and native execution, one subject each. `exits` are reasons that must occur. */
export interface TestGuest {
  name: string;
  source: string;
  exits?: readonly string[];
}

/** Tables of a guest with handlers: `vectors` maps vector to label; the others are not there. */
export function tables(vectors: Record<number, string>): string {
  const rows: string[] = [];
  let next = 0;
  for (const [vector, label] of Object.entries(vectors).sort(([a], [b]) => Number(a) - Number(b))) {
    if (Number(vector) > next) rows.push(`        no_gates ${Number(vector) - next}`);
    rows.push(`        gate ${label}, ${Number(vector) >= 0x80 ? 'GATE_INT3' : 'GATE_INT0'}`);
    next = Number(vector) + 1;
  }
  return `
        align 8
idt:
${rows.join('\n')}
idtr:   dw idtr - idt - 1
        dd idt
        flat_gdt
        kernel_tss STACK_TOP
`;
}

/** Identity-maps the first 4 MB for everyone, with the directory at 0x200000 and the table behind it, and turns paging on. */
export const PAGING = `
        mov edi, 0x200000
        xor eax, eax
        mov ecx, 2048
        rep stosd
        mov edi, 0x201000
        mov eax, PTE_P | PTE_W | PTE_U
        mov ecx, 1024
%%fill: stosd
        add eax, 0x1000
        loop %%fill
        mov dword [0x200000], 0x201000 | PTE_P | PTE_W | PTE_U
        mov eax, 0x200000
        mov cr3, eax
        mov eax, cr0
        or eax, CR0_PG_WP
        mov cr0, eax
`.replaceAll('%%', '.paging_');
