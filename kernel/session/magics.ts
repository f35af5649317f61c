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
