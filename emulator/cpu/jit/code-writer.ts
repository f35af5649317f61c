import { ByteWriter } from './byte-writer.js';
import * as op from './opcodes.js';

/** A structured construct that branches can name; how deep it lies is worked out at the branch. */
export interface Label {
  readonly depth: number;
}

/** One function's instructions, written through typed calls only. */
export class CodeWriter extends ByteWriter {
  private depth = 0;

  op(...opcodes: number[]): void {
    for (const opcode of opcodes) this.byte(opcode);
  }

  const(value: number): void {
    this.byte(op.I32_CONST);
    this.signed(value);
  }

  const64(value: number): void {
    this.byte(op.I64_CONST);
    this.signed(value);
  }

  get(local: number): void {
    this.byte(op.LOCAL_GET);
    this.unsigned(local);
  }
  set(local: number): void {
    this.byte(op.LOCAL_SET);
    this.unsigned(local);
  }
  tee(local: number): void {
    this.byte(op.LOCAL_TEE);
    this.unsigned(local);
  }

  /** A load or store; the address is the one on the stack plus `offset`. */
  memory(opcode: number, offset = 0): void {
    this.byte(opcode);
    this.unsigned(0);
    this.unsigned(offset);
  }

  call(functionIndex: number): void {
    this.byte(op.CALL);
    this.unsigned(functionIndex);
  }

  /** Pops which function of the table to call, and before it the parameters. */
  callIndirect(type: number): void {
    this.byte(op.CALL_INDIRECT);
    this.unsigned(type);
    this.unsigned(0);
  }

  /** Opens a construct without results; every one is closed by {@link end}. */
  open(kind: typeof op.BLOCK | typeof op.LOOP | typeof op.IF): Label {
    this.op(kind, op.TYPE_NONE);
    return { depth: ++this.depth };
  }
  else(): void {
    this.byte(op.ELSE);
  }
  end(): void {
    this.byte(op.END);
    this.depth--;
  }

  br(label: Label): void {
    this.byte(op.BR);
    this.unsigned(this.depth - label.depth);
  }
  brIf(label: Label): void {
    this.byte(op.BR_IF);
    this.unsigned(this.depth - label.depth);
  }
  /** The last label is that of every index beyond the table. */
  brTable(labels: readonly Label[]): void {
    this.byte(op.BR_TABLE);
    this.unsigned(labels.length - 1);
    for (const label of labels) this.unsigned(this.depth - label.depth);
  }
}
