import { Session } from 'node:inspector';
import { STACK_RESET } from './runner/interruptible.js';

interface Attached {
  readonly sessionId: string;
  readonly workerInfo: { readonly url: string };
}

/**
 * Stops the JavaScript that a worker is running, wherever it is, and leaves the worker alive with all its state: the
 * inspector reaches a thread amid a loop. Resolves when the worker has been told; it stops at its next loop or call.
 * @param url the worker's program, by which the inspector tells workers apart; its own ids are not thread ids
 */
export async function terminateJavaScript(url: URL): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error | null) => error !== null && reject(error);
      session.on('NodeWorker.attachedToWorker', ({ params }: { params: Attached }) => {
        if (params.workerInfo.url !== url.href) return;
        const send = (id: number, method: string, parameters: object) => {
          const message = JSON.stringify({ id, method, params: parameters });
          session.post('NodeWorker.sendMessageToWorker', { sessionId: params.sessionId, message }, failed);
        };
        send(1, 'Runtime.evaluate', { expression: `globalThis[Symbol.for('${STACK_RESET}')]()` });
        send(2, 'Runtime.terminateExecution', {});
      });
      session.on('NodeWorker.receivedMessageFromWorker', ({ params }: { params: { message: string } }) => {
        if ((JSON.parse(params.message) as { id?: number }).id === 2) resolve();
      });
      session.on('NodeWorker.detachedFromWorker', () => resolve());
      session.post('NodeWorker.enable', { waitForDebuggerOnStart: false }, failed);
    });
  } finally {
    session.disconnect();
  }
}
