import type { KernelMessage } from '@jupyterlab/services';
import type { MimeOutput, Output } from './format.js';

/** Builds a cell's outputs from IOPub messages, as a front end does (Jupyter messaging protocol 5.5). */
export class OutputCollector {
  #outputs: Output[] = [];
  #clearPending = false;

  /** @param displays outputs of the whole notebook by display id, for `update_display_data`. */
  constructor(private readonly displays: Map<string, MimeOutput[]>) {}

  get outputs(): Output[] {
    return this.#outputs;
  }

  receive({
    header,
    content,
    metadata,
  }: Pick<KernelMessage.IIOPubMessage, 'header' | 'content'> & { metadata?: object }): void {
    const fields = content as Record<string, unknown>;
    switch (header.msg_type) {
      case 'stream':
        return this.#stream(String(fields.name), String(fields.text));
      case 'display_data':
      case 'execute_result':
        return this.#display(header.msg_type, fields);
      case 'update_display_data':
        return this.#update(fields);
      case 'error':
        return this.#add({
          output_type: 'error',
          ename: String(fields.ename),
          evalue: String(fields.evalue),
          traceback: (fields.traceback as unknown[]).map(String),
        });
      case 'clear_output':
        if (fields.wait === true) this.#clearPending = true;
        else this.#outputs = [];
        return;
      case 'comm_msg':
        return this.#repaint(metadata);
    }
  }

  #add(output: Output): void {
    if (this.#clearPending) this.#outputs = [];
    this.#clearPending = false;
    this.#outputs.push(output);
  }

  /** Text continues the stream that was written to last: how it was cut into messages is chance. */
  #stream(name: string, text: string): void {
    const last = this.#clearPending ? undefined : this.#outputs.at(-1);
    if (last?.output_type === 'stream' && last.name === name) last.text += text;
    else this.#add({ output_type: 'stream', name, text });
  }

  #display(type: MimeOutput['output_type'], fields: Record<string, unknown>): void {
    // How far a run was, and that it was slow enough to say so, is this computer's business: it is not saved.
    if (isProgress(fields)) return;
    const output: MimeOutput = { output_type: type, ...payload(fields) };
    if (type === 'execute_result') output.execution_count = Number(fields.execution_count);
    this.#add(output);
    const id = displayId(fields);
    if (id !== undefined) this.#remember(id, output);
    const view = (fields.data as Record<string, unknown>)[WIDGET_VIEW] as { model_id?: unknown } | undefined;
    if (view !== undefined) this.#remember(modelKey(String(view.model_id)), output);
  }

  #remember(key: string, output: MimeOutput): void {
    this.displays.set(key, [...(this.displays.get(key) ?? []), output]);
  }

  /** A cell has changed widgets that may have been shown before: what is saved of them is their last state. */
  #repaint(metadata: object | undefined): void {
    const { pictures } = (metadata as { ringside?: { pictures?: object } } | undefined)?.ringside ?? {};
    for (const [model, picture] of Object.entries(pictures ?? {}))
      for (const output of this.displays.get(modelKey(model)) ?? []) Object.assign(output.data, picture);
  }

  #update(fields: Record<string, unknown>): void {
    const id = displayId(fields);
    for (const output of (id === undefined ? undefined : this.displays.get(id)) ?? [])
      Object.assign(output, payload(fields));
  }
}

/** A view of a widget names a model of the kernel that ran: without that kernel it is nothing, and its text stays. */
const WIDGET_VIEW = 'application/vnd.jupyter.widget-view+json';

function modelKey(model: string): string {
  return `model ${model}`;
}

function payload(fields: Record<string, unknown>): Pick<MimeOutput, 'data' | 'metadata'> {
  const data = Object.entries(fields.data as Record<string, unknown>);
  return {
    data: Object.fromEntries(data.filter(([type]) => type !== WIDGET_VIEW)),
    metadata: fields.metadata as Record<string, unknown>,
  };
}

function isProgress({ metadata }: Record<string, unknown>): boolean {
  return (metadata as { ringside?: { progress?: boolean } } | undefined)?.ringside?.progress === true;
}

function displayId(fields: Record<string, unknown>): string | undefined {
  return (fields.transient as { display_id?: string } | undefined)?.display_id;
}
