import { Session } from 'node:inspector';

const IDLE_MS = 2000;

/**
 * With nothing asked of it for so long, this thread gives back the memory of what is no longer needed: V8 itself would
 * wait until it wants more.
 * @returns what to call whenever something is asked of the thread. @param idleMs for tests.
 */
export function collectWhenIdle(idleMs: number = IDLE_MS): () => void {
  let timer: NodeJS.Timeout | null = null;
  const collect = () => {
    timer = null;
    const session = new Session();
    session.connect();
    // Not in the callback itself: Node never comes back from there.
    session.post('HeapProfiler.collectGarbage', () => setImmediate(() => session.disconnect()));
  };
  return () => {
    timer = timer?.refresh() ?? setTimeout(collect, idleMs).unref();
  };
}
