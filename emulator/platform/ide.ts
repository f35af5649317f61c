import { MAX_MULTIPLE, identify } from './ata-identify.js';
import type { PortBus, PortDevice, PortWidth } from './bus.js';
import { Disk, SECTOR_BYTES } from './disk.js';
import type { Geometry } from './disk.js';

/** The primary channel. */
export const IDE_PORT = 0x1f0;
export const IDE_CONTROL_PORT = 0x3f6;

// Registers, by offset (ANSI NCITS 317-1998, ATA/ATAPI-4, section 7).
const DATA = 0;
const ERROR_FEATURES = 1;
const SECTOR_COUNT = 2;
const SECTOR_NUMBER = 3;
const CYLINDER_LOW = 4;
const CYLINDER_HIGH = 5;
const DEVICE_HEAD = 6;
const STATUS_COMMAND = 7;

const STATUS_ERROR = 0x01;
const STATUS_DATA_REQUEST = 0x08;
const STATUS_SEEK_COMPLETE = 0x10;
const STATUS_READY = 0x40;
const STATUS_BUSY = 0x80;
const IDLE = STATUS_READY | STATUS_SEEK_COMPLETE;

const ERROR_ABORTED = 0x04;
const ERROR_NOT_FOUND = 0x10;
const DIAGNOSTIC_PASSED = 0x01;

const DEVICE_SECOND = 0x10;
const DEVICE_LBA = 0x40;
/** Bits 7 and 5 read as one in every drive before ATA-6. */
const DEVICE_ONES = 0xa0;
const CONTROL_NO_INTERRUPT = 0x02;
const CONTROL_RESET = 0x04;

const FLOATING: Readonly<Record<PortWidth, number>> = { 1: 0xff, 2: 0xffff, 4: 0xffff_ffff };
const FEATURES_ACCEPTED: ReadonlySet<number> = new Set([
  0x02, // enable write cache
  0x03, // set transfer mode: PIO, the only kind here
  0x55, // disable read look-ahead
  0x66, // keep settings over a reset
  0x82, // disable write cache
  0xaa, // enable read look-ahead
  0xcc, // forget settings at a reset
]);
const FEATURE_TRANSFER_MODE = 0x03;
/** Sector count values of transfer modes above PIO. */
const TRANSFER_MODE_DMA = 0x20;

/** A data phase under way: `sectors` are still to be moved, `block` of them at a time. */
interface Transfer {
  write: boolean;
  buffer: Uint8Array;
  at: number;
  /** Bytes of the block in `buffer`. */
  end: number;
  /** Sector number of the block's first sector; -1: not from the disk. */
  lba: number;
  sectors: number;
  block: number;
}

/**
 * The primary IDE channel with at most one drive, by PIO. A command is done the moment it is written, so BUSY
 * shows only while a reset is held; the time a disk takes is not in the model. Without a drive the bus floats.
 */
export class IdeChannel implements PortDevice {
  private disk: Disk | null = null;
  private readonly registers = new Uint8Array(8);
  private features = 0;
  private status = IDLE;
  private control = 0;
  private geometry: Geometry = { cylinders: 0, heads: 0, sectors: 0 };
  private multiple = 0;
  private transfer: Transfer | null = null;
  private interrupt = false;
  private level = false;

  /** @param setIrq14 called when the interrupt request changes. */
  constructor(
    ports: PortBus,
    private readonly setIrq14: (level: boolean) => void,
  ) {
    ports.attach(IDE_PORT, 1, this, [2, 4]);
    ports.attach(IDE_PORT + 1, 7, this);
    ports.attach(IDE_CONTROL_PORT, 1, this);
  }

  /** Plugs in a drive with a copy of `image`. @throws ImageError when it is not one or more whole sectors. */
  attachDisk(image: Uint8Array): Disk {
    this.disk = new Disk(image);
    this.reset();
    return this.disk;
  }

  /** The drive, or null. */
  get attached(): Disk | null {
    return this.disk;
  }

  reset(): void {
    this.control = 0;
    this.resetDrive();
    this.drive();
  }

  readPort(port: number, width: PortWidth): number {
    if (!this.disk) return FLOATING[width];
    const register = port === IDE_CONTROL_PORT ? STATUS_COMMAND : port - IDE_PORT;
    if (register === DATA) return this.readData(width);
    // The first drive answers for a second one that is not there, with no status bit set (section 9.16.1).
    if (register === STATUS_COMMAND) {
      if (port !== IDE_CONTROL_PORT) this.setInterrupt(false);
      return this.secondSelected ? 0 : this.status;
    }
    if (register === DEVICE_HEAD) return this.registers[DEVICE_HEAD] | DEVICE_ONES;
    return this.registers[register];
  }

  writePort(port: number, width: PortWidth, value: number): void {
    if (!this.disk) return;
    if (port === IDE_CONTROL_PORT) return this.writeControl(value);
    const register = port - IDE_PORT;
    if (register === DATA) this.writeData(width, value);
    else if (register === STATUS_COMMAND) this.writeCommand(this.disk, value);
    else if (register === ERROR_FEATURES) this.features = value;
    else this.registers[register] = value;
  }

  private get secondSelected(): boolean {
    return (this.registers[DEVICE_HEAD] & DEVICE_SECOND) !== 0;
  }

  private writeControl(value: number): void {
    const held = (this.control & CONTROL_RESET) !== 0;
    this.control = value;
    if (value & CONTROL_RESET) {
      this.status = STATUS_BUSY;
      this.transfer = null;
      this.interrupt = false;
    } else if (held) this.resetDrive();
    this.drive();
  }

  /** Leaves the signature of a drive that is no packet device (section 9.1). */
  private resetDrive(): void {
    this.status = IDLE;
    this.transfer = null;
    this.interrupt = false;
    this.multiple = 0;
    if (this.disk) this.geometry = this.disk.geometry;
    this.registers.fill(0);
    this.registers[ERROR_FEATURES] = DIAGNOSTIC_PASSED;
    this.registers[SECTOR_COUNT] = 1;
    this.registers[SECTOR_NUMBER] = 1;
  }

  private writeCommand(disk: Disk, command: number): void {
    if (this.control & CONTROL_RESET) return;
    this.setInterrupt(false);
    const isDiagnostic = command === 0x90;
    if (this.secondSelected && !isDiagnostic) return;
    this.transfer = null;
    this.status = IDLE;
    this.registers[ERROR_FEATURES] = 0;
    switch (command) {
      case 0x20: // READ SECTORS, with and without retries
      case 0x21:
        return this.start(disk, false, 1);
      case 0x30: // WRITE SECTORS
      case 0x31:
        return this.start(disk, true, 1);
      case 0xc4: // READ MULTIPLE
      case 0xc5: // WRITE MULTIPLE
        if (this.multiple === 0) return this.fail(ERROR_ABORTED);
        return this.start(disk, command === 0xc5, this.multiple);
      case 0x40: // READ VERIFY SECTORS
      case 0x41:
        return this.verify(disk);
      case 0x70: // SEEK
        return this.inRange(disk, this.address(), 1) ? this.complete() : this.fail(ERROR_NOT_FOUND);
      case 0x90: // EXECUTE DEVICE DIAGNOSTIC
        this.resetDrive();
        return this.complete();
      case 0x91: // INITIALIZE DEVICE PARAMETERS
        return this.setGeometry(disk);
      case 0xc6: // SET MULTIPLE MODE
        return this.setMultiple(this.registers[SECTOR_COUNT]);
      case 0xec: // IDENTIFY DEVICE
        return this.beginRead(identify(disk, this.geometry, this.multiple), -1, 1, 1);
      case 0xef: // SET FEATURES
        return this.setFeature();
      case 0xe5: // CHECK POWER MODE: active
        this.registers[SECTOR_COUNT] = 0xff;
        return this.complete();
      case 0xe0: // STANDBY IMMEDIATE, IDLE IMMEDIATE, STANDBY, IDLE, FLUSH CACHE: nothing to wait for
      case 0xe1:
      case 0xe2:
      case 0xe3:
      case 0xe7:
        return this.complete();
      default:
        // RECALIBRATE has sixteen codes.
        return command >> 4 === 1 ? this.complete() : this.fail(ERROR_ABORTED);
    }
  }

  /** READ and WRITE: moves sectors in blocks, an interrupt a block; when writing none before the first. */
  private start(disk: Disk, write: boolean, block: number): void {
    const lba = this.address();
    const sectors = this.registers[SECTOR_COUNT] || 256;
    if (!this.inRange(disk, lba, 1)) return this.fail(ERROR_NOT_FOUND);
    if (write) this.openBlock(disk, { write, buffer: disk.bytes, at: 0, end: 0, lba, sectors, block });
    else this.beginRead(disk.bytes, lba, sectors, block);
  }

  private beginRead(buffer: Uint8Array, lba: number, sectors: number, block: number): void {
    const transfer = { write: false, buffer, at: 0, end: SECTOR_BYTES, lba, sectors, block };
    if (lba < 0) {
      this.transfer = transfer;
      this.status = IDLE | STATUS_DATA_REQUEST;
    } else if (this.disk) this.openBlock(this.disk, transfer);
    this.setInterrupt(true);
  }

  /** Makes the next block's bytes the data register's. */
  private openBlock(disk: Disk, transfer: Transfer): void {
    const { lba, sectors, block } = transfer;
    // A block that runs off the disk's end goes as far as there is one.
    const count = Math.min(sectors, block, disk.sectorCount - lba);
    transfer.buffer = disk.sectors(lba, count);
    transfer.at = 0;
    transfer.end = count * SECTOR_BYTES;
    this.transfer = transfer;
    this.status = IDLE | STATUS_DATA_REQUEST;
  }

  private closeBlock(transfer: Transfer): void {
    const { disk } = this;
    const count = transfer.end / SECTOR_BYTES;
    this.transfer = null;
    this.status = IDLE;
    transfer.sectors -= count;
    if (transfer.lba < 0 || !disk) return;
    transfer.lba += count;
    // The registers count down the sectors left and show the last one moved (section 7.10).
    this.registers[SECTOR_COUNT] = transfer.sectors;
    this.setAddress(transfer.lba - 1);
    if (transfer.sectors === 0) {
      if (transfer.write) this.setInterrupt(true);
      return;
    }
    if (transfer.lba >= disk.sectorCount) {
      this.setAddress(transfer.lba);
      this.fail(ERROR_NOT_FOUND);
      return;
    }
    this.openBlock(disk, transfer);
    this.setInterrupt(true);
  }

  private readData(width: PortWidth): number {
    const { transfer } = this;
    if (!transfer || transfer.write) return FLOATING[width];
    let value = 0;
    for (let byte = 0; byte < width; byte++) value |= (transfer.buffer[transfer.at++] ?? 0) << (8 * byte);
    if (transfer.at >= transfer.end) this.closeBlock(transfer);
    return value >>> 0;
  }

  private writeData(width: PortWidth, value: number): void {
    const { transfer } = this;
    if (!transfer?.write) return;
    for (let byte = 0; byte < width; byte++) transfer.buffer[transfer.at++] = value >>> (8 * byte);
    if (transfer.at >= transfer.end) this.closeBlock(transfer);
  }

  private verify(disk: Disk): void {
    const lba = this.address();
    const sectors = this.registers[SECTOR_COUNT] || 256;
    if (!this.inRange(disk, lba, sectors)) return this.fail(ERROR_NOT_FOUND);
    this.complete();
  }

  private setGeometry(disk: Disk): void {
    const sectors = this.registers[SECTOR_COUNT];
    const heads = (this.registers[DEVICE_HEAD] & 0xf) + 1;
    if (sectors === 0) return this.fail(ERROR_ABORTED);
    const cylinders = Math.min(0xffff, Math.floor(disk.sectorCount / (heads * sectors)));
    this.geometry = { cylinders, heads, sectors };
    this.complete();
  }

  private setMultiple(sectors: number): void {
    const isPowerOfTwo = (sectors & (sectors - 1)) === 0;
    if (sectors > MAX_MULTIPLE || !isPowerOfTwo) return this.fail(ERROR_ABORTED);
    this.multiple = sectors;
    this.complete();
  }

  private setFeature(): void {
    const wantsDma =
      this.features === FEATURE_TRANSFER_MODE && this.registers[SECTOR_COUNT] >= TRANSFER_MODE_DMA;
    if (wantsDma || !FEATURES_ACCEPTED.has(this.features)) return this.fail(ERROR_ABORTED);
    this.complete();
  }

  private inRange(disk: Disk, lba: number, sectors: number): boolean {
    return lba >= 0 && lba + sectors <= disk.sectorCount;
  }

  /** @returns the sector that the registers name; -1 when there is none by cylinder, head and sector. */
  private address(): number {
    const { registers, geometry } = this;
    const head = registers[DEVICE_HEAD] & 0xf;
    const cylinder = (registers[CYLINDER_HIGH] << 8) | registers[CYLINDER_LOW];
    const sector = registers[SECTOR_NUMBER];
    if (registers[DEVICE_HEAD] & DEVICE_LBA) return (head << 24) | (cylinder << 8) | sector;
    if (sector === 0 || sector > geometry.sectors || head >= geometry.heads) return -1;
    if (cylinder >= geometry.cylinders) return -1;
    return (cylinder * geometry.heads + head) * geometry.sectors + sector - 1;
  }

  private setAddress(lba: number): void {
    const { registers, geometry } = this;
    const isLba = (registers[DEVICE_HEAD] & DEVICE_LBA) !== 0;
    const track = Math.floor(lba / geometry.sectors);
    const cylinder = isLba ? (lba >> 8) & 0xffff : Math.floor(track / geometry.heads);
    const head = isLba ? lba >> 24 : track % geometry.heads;
    registers[SECTOR_NUMBER] = isLba ? lba : (lba % geometry.sectors) + 1;
    registers[CYLINDER_LOW] = cylinder;
    registers[CYLINDER_HIGH] = cylinder >> 8;
    registers[DEVICE_HEAD] = (registers[DEVICE_HEAD] & 0xf0) | head;
  }

  private complete(): void {
    this.setInterrupt(true);
  }

  private fail(error: number): void {
    this.registers[ERROR_FEATURES] = error;
    this.status = IDLE | STATUS_ERROR;
    this.setInterrupt(true);
  }

  private setInterrupt(pending: boolean): void {
    this.interrupt = pending;
    this.drive();
  }

  /** The request passes while this drive is selected and its interrupt is enabled. */
  private drive(): void {
    const enabled = (this.control & CONTROL_NO_INTERRUPT) === 0 && !this.secondSelected;
    const level = this.interrupt && enabled;
    if (level === this.level) return;
    this.level = level;
    this.setIrq14(level);
  }
}
