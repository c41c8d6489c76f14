/** Inside kafkajs 2.2.4: the requests of one connection. Only what quiet-request-queue.ts touches. */
declare module 'kafkajs/src/network/requestQueue' {
  class RequestQueue {
    constructor(options: Record<string, unknown>);
    pending: unknown[];
    throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null | undefined;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests: (this: RequestQueue) => void;
    destroy(): void;
  }
  export = RequestQueue;
}
