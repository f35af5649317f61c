/**
 * Assembly that lets the interval timer alone interrupt, at vector 0x20, over and over: the interrupt controllers set up
 * (8259A), then counter 0 in mode 2 (8254). Changes AL.
 * @param divisor of the timer's 1,193,182 Hz; 0 is 65,536.
 */
export function timer(divisor: number): string {
  return `
        mov al, 0x11
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x34
        out 0x43, al
        mov al, ${divisor & 0xff}
        out 0x40, al
        mov al, ${divisor >> 8}
        out 0x40, al`;
}
