/**
 * Bits of `Cpu.attention`: reasons to leave the short path of the run loop before the next block. Interrupt
 * lines are not among them: those are looked at only at poll points (`Cpu.pollAttention`).
 */
/** Interrupts are held off for the next instruction. */
export const ATTENTION_SHADOW = 1 << 0;
/** EFLAGS.TF: #DB after the next instruction. */
export const ATTENTION_TRAP = 1 << 1;
/** EFLAGS.RF: to be cleared after the next instruction. */
export const ATTENTION_RESUME = 1 << 2;
/** In HLT. */
export const ATTENTION_HALT = 1 << 3;
/** A poll is owed before the next instruction. */
export const ATTENTION_POLL = 1 << 4;
/** The exit port was written. */
export const ATTENTION_EXIT = 1 << 5;
/** A software interrupt is on its way to the monitor. */
export const ATTENTION_SOFTWARE = 1 << 6;
/** The shadow was begun by the instruction just executed. */
export const ATTENTION_SHADOW_NEW = 1 << 7;

/** The next instruction reaches a device by way of memory: it goes into a block of its own, where the time is exact. */
export const ATTENTION_ALONE = 1 << 8;

/** Instructions are watched: each block is preceded by a look whether one is there. Stays set. */
export const ATTENTION_BREAKPOINT = 1 << 9;
/** The shadow is one of MOV SS or POP SS, which holds traps off too. */
export const ATTENTION_HOLDS_TRAPS = 1 << 10;
/** A #DB is owed for what an event's delivery or the instruction under execution has touched. */
export const ATTENTION_OWED = 1 << 11;
/** One of the owner's points has been met. */
export const ATTENTION_HIT = 1 << 12;

/** Those that concern exactly the next instruction. */
export const ATTENTION_STEP = ATTENTION_SHADOW | ATTENTION_TRAP | ATTENTION_RESUME | ATTENTION_ALONE;

/** Bits of `Cpu.pollAttention`: what a poll has to look at. */
export const POLL_INTERRUPT = 1 << 0;
/** The owner asked for a stop. */
export const POLL_STOP = 1 << 1;
/** SVM: a virtual interrupt is pending (VMCB V_IRQ). */
export const POLL_VIRTUAL = 1 << 2;
/** A non-maskable interrupt is pending. */
export const POLL_NMI = 1 << 3;
/** A system-management interrupt is pending. */
export const POLL_SMI = 1 << 4;
/** An INIT is pending. */
export const POLL_INIT = 1 << 5;
