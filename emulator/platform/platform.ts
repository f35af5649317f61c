import { A20Gate } from './a20.js';
import type { PortBus } from './bus.js';
import type { Clock } from './clock.js';
import { DebugPort } from './debug-port.js';
import { ExitPort } from './exit-port.js';
import { IdeChannel } from './ide.js';
import { IoApic } from './io-apic.js';
import { KeyboardController } from './keyboard-controller.js';
import { LocalApic } from './local-apic.js';
import type { PhysicalMemory } from './memory.js';
import { MmioBus } from './mmio.js';
import { PciConfiguration } from './pci.js';
import { InterruptController } from './pic.js';
import { IntervalTimer } from './pit.js';
import { PowerOff } from './power-off.js';
import { RealTimeClock } from './rtc.js';
import { SystemControl } from './system-control.js';
import { Uart } from './uart.js';
import { VgaText } from './vga-text.js';

const IRQ_TIMER = 0;
const IRQ_KEYBOARD = 1;
const IRQ_COM1 = 4;
const IRQ_RTC = 8;
const IRQ_IDE = 14;

/** What the devices are wired to. */
export interface PlatformWiring {
  ports: PortBus;
  clock: Clock;
  memory: PhysicalMemory;
  /** The processor's INTR pin. */
  setInterruptLine(level: boolean): void;
  /** An NMI for the processor. */
  requestNmi(): void;
  /** Called with the byte written to port 0xF4. */
  requestExit(code: number): void;
  /** Software switched the machine off, or reset it; `by` names the register that it used. */
  requestEnd(kind: 'power-off' | 'reset', by: string): void;
}

/** The devices of the PC, wired together. One per machine, physical or virtual. */
export class Platform {
  /** Physical addresses beyond memory. */
  readonly mmio = new MmioBus();
  readonly localApic: LocalApic;
  readonly ioApic: IoApic;
  readonly pic: InterruptController;
  readonly pit: IntervalTimer;
  readonly rtc: RealTimeClock;
  readonly keyboard: KeyboardController;
  readonly vga: VgaText;
  readonly uart: Uart;
  readonly ide: IdeChannel;
  readonly pci: PciConfiguration;
  readonly a20 = new A20Gate();
  readonly systemControl: SystemControl;
  readonly powerOff: PowerOff;
  readonly debugPort: DebugPort;
  readonly exitPort: ExitPort;
  /** A monitor's notice that a virtual machine's INTR pin has changed; called after the pin. */
  onInterruptLine: ((level: boolean) => void) | null = null;

  constructor({
    ports,
    clock,
    memory,
    setInterruptLine,
    requestNmi,
    requestExit,
    requestEnd,
  }: PlatformWiring) {
    const { mmio } = this;
    const irq = (input: number) => (level: boolean) => {
      this.pic.setLine(input, level);
      this.ioApic.setIrq(input, level);
    };
    const requestReset = (by: string): void => requestEnd('reset', by);
    this.localApic = new LocalApic({
      clock,
      mmio,
      setInterruptLine: (level) => {
        setInterruptLine(level);
        this.onInterruptLine?.(level);
      },
      requestNmi,
      acknowledgePic: () => this.pic.acknowledge(),
      endOfLevelInterrupt: (vector) => this.ioApic.endOfInterrupt(vector),
    });
    this.ioApic = new IoApic(mmio, this.localApic);
    this.pic = new InterruptController(ports, (level) => this.localApic.setPicLine(level));
    this.pit = new IntervalTimer(ports, clock, irq(IRQ_TIMER));
    this.rtc = new RealTimeClock(ports, clock, memory.sizeBytes, irq(IRQ_RTC));
    this.keyboard = new KeyboardController(ports, this.a20, irq(IRQ_KEYBOARD), requestReset);
    this.vga = new VgaText(ports, clock, memory);
    this.uart = new Uart(ports, irq(IRQ_COM1));
    this.ide = new IdeChannel(ports, irq(IRQ_IDE));
    this.pci = new PciConfiguration(ports);
    this.systemControl = new SystemControl(ports, this.a20, requestReset);
    this.powerOff = new PowerOff(ports, (by) => requestEnd('power-off', by));
    this.debugPort = new DebugPort(ports);
    this.exitPort = new ExitPort(ports, requestExit);
  }

  /** Every device as after power on; time, CMOS memory, disk contents and what was printed stay. */
  reset(): void {
    this.pic.reset();
    this.localApic.reset();
    this.ioApic.reset();
    this.pit.reset();
    this.rtc.reset();
    this.keyboard.reset();
    this.vga.reset();
    this.uart.reset();
    this.ide.reset();
    this.pci.reset();
    this.systemControl.reset();
    this.a20.open = true;
  }

  /** The processor's interrupt-acknowledge cycle. @returns the vector. */
  acknowledgeInterrupt(): number {
    return this.localApic.acknowledge();
  }

  /** What the guest printed so far, as text, by device. */
  get console(): { uart: string; debugPort: string } {
    return { uart: this.uart.output.text, debugPort: this.debugPort.output.text };
  }
}
