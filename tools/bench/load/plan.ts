/** What the load generator is asked for. */
export type LoadPlan = {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly itemsPerBody: number;
  /** How many requests are made and signed before the run. */
  readonly prepare: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /**
   * closed: each connection sends its next request when the one before is answered, out of those that were prepared.
   * open: requests arrive on a schedule that does not wait for answers, and latency is counted from there. What finds
   * no connection free opens one, up to `connections`, and waits beyond.
   */
  readonly loop: { readonly kind: 'closed' } | { readonly kind: 'open'; readonly perSecond: number };
  readonly connections: number;
  /** Processes whose CPU time is read when the measured time begins and ends; undefined: not known. */
  readonly watch: { readonly app: readonly number[]; readonly store: readonly number[] | undefined };
};

export type LoadReport = {
  /** How long was measured. */
  readonly seconds: number;
  /** Requests answered 200 in the measured time. */
  readonly answered: number;
  /** Every answer by its status, from the beginning of the warm-up to the last one. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests whose connection broke before the answer, or could not be opened. */
  readonly connectionErrors: number;
  /** Requests that had no answer some time after the last one was sent. */
  readonly unanswered: number;
  /** The prepared requests were used up, so that it ended early. */
  readonly exhausted: boolean;
  /** Of the requests of the measured time that were answered, whatever the status. */
  readonly latencyMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Microseconds of CPU for each request answered 200 in the measured time; undefined: not known. */
  readonly cpuUs: {
    readonly app: number | undefined;
    readonly store: number | undefined;
    readonly generator: number;
  };
  /** Which part of all cores others used in the measured time, 0 to 1: figures are worth little when it is not near 0. */
  readonly othersShare: number | undefined;
  /** The number of every body that was answered 200, which is that of its first item / items in a body; as {@link Bits}. */
  readonly acknowledged: { readonly first: number; readonly bytes: Uint8Array };
};
