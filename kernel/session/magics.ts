/**
 * The magics: each a short form of a call of `session`, which is `__session` too, a name that no cell hides. See the
 * kernel's `Magic` for the notation.
 */
export const MAGICS = [
  {
    name: 'asm',
    usage: '%%asm NAME',
    call: 'const {name} = __session.assemble("{name}", {body}); {name}',
    help: 'Assembles the cell (32-bit code, NASM syntax) to a guest of that name, for run(NAME), and shows its listing.',
  },
  {
    name: 'technique',
    usage: '%technique [NAME]',
    call: '__session.technique({words})',
    help: 'The technique of runs that name none; without a name, shows which one and all there are.',
  },
  {
    name: 'cpu',
    usage: '%cpu [NAME]',
    call: '__session.cpu({words})',
    help: 'The processor whose prices runs use that name none; without a name, shows which one and all there are.',
  },
  {
    name: 'exits',
    usage: '%exits',
    call: '__session.exits({words})',
    help: 'Exits of the last run or comparison by reason: how many, and their cycles.',
  },
  {
    name: 'regs',
    usage: '%regs',
    call: '__session.regs({words})',
    help: "Registers of the current machine's guest.",
  },
  {
    name: 'step',
    usage: '%step [COUNT]',
    call: '__session.step({words})',
    help: "Executes COUNT instructions (1) of the current machine's guest.",
  },
  {
    name: 'stepback',
    usage: '%stepback [COUNT]',
    call: '__session.stepBack({words})',
    help: 'Goes back by COUNT instructions (1).',
  },
  {
    name: 'break',
    usage: '%break POINT',
    call: '__session.breakOn({words})',
    help: 'Stops the current machine at a point and gives its number: an address or a label; or address, write, read, access, port, exception, mode or exit and which: port 0x80, exception #PF, exit CR3_WRITE.',
  },
  {
    name: 'tlb',
    usage: '%tlb',
    call: '__session.tlb({words})',
    help: "What the processor's TLB holds.",
  },
  {
    name: 'pt',
    usage: '%pt ADDRESS',
    call: '__session.pageTable({words})',
    help: "The way of a guest-virtual address, or a label, through the guest's page tables.",
  },
  {
    name: 'sweep',
    usage: '%sweep PRICE FROM TO [STEPS]',
    call: '__session.sweep({words})',
    help: "Reprices the last runs with one price going from FROM to TO; the price is a cost key, or 'exit' for VMRUN and #VMEXIT together.",
  },
  {
    name: 'time',
    usage: '%time EXPRESSION',
    call: 'await __session.time(async () => ({expression}))',
    help: "Evaluates the expression and adds the model's cycles of the runs in it, and the host's time.",
  },
  {
    name: 'seed',
    usage: '%seed NUMBER',
    call: '__session.seed({words})',
    help: 'Makes Math.random() in cells give the same numbers in each run of the notebook.',
  },
  {
    name: 'help',
    usage: '%help',
    call: '__session.help({words})',
    help: 'This table.',
  },
] as const;
