/** Content of a kernel.json (jupyter_client, "Kernel specs"). */
export interface KernelSpec {
  argv: string[];
  display_name: string;
  language: string;
  interrupt_mode: 'message' | 'signal';
  /** Added to the kernel's environment. */
  env?: Record<string, string>;
  metadata: Record<string, unknown>;
}
