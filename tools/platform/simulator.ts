/** Calls of the simulator's scripting API; docs/simulator.md describes each. */
export class Simulator {
  constructor(readonly url: string) {}

  putNumber(
    number: { readonly phoneNumberId: string } & Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    const { phoneNumberId, ...rest } = number;
    return this.call('PUT', `numbers/${phoneNumberId}`, rest);
  }

  putSettings(settings: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.call('PUT', 'settings', settings);
  }

  addFault(fault: Readonly<Record<string, unknown>>): Promise<unknown> {
    return this.call('POST', 'faults', fault);
  }

  removeFaults(): Promise<unknown> {
    return this.call('DELETE', 'faults');
  }

  startTraffic(traffic: Readonly<Record<string, unknown>>): Promise<Traffic> {
    return this.call('POST', 'traffic', traffic);
  }

  traffic(): Promise<Traffic> {
    return this.call('GET', 'traffic');
  }

  stopTraffic(): Promise<Traffic> {
    return this.call('DELETE', 'traffic');
  }

  /** Posts a body, signed, to the webhook. @returns the HTTP status of the last answer */
  async deliver(body: unknown, times = 1): Promise<number> {
    const { status } = await this.call<{ status: number }>('POST', 'webhooks', { body, times });
    return status;
  }

  /** Forgets everything but numbers and settings. */
  reset(): Promise<unknown> {
    return this.call('DELETE', 'state');
  }

  stats(): Promise<SimulatorStats> {
    return this.call('GET', 'stats');
  }

  /** All that it accepted to send, in order. @param after leaves out what has a `seq` up to this one */
  accepted(after = 0): Promise<Accepted[]> {
    return this.pages('accepted', after);
  }

  /** All sends that a fault left without an answer. */
  unanswered(): Promise<Pick<Accepted, 'seq' | 'callbackData'>[]> {
    return this.pages('unanswered');
  }

  /** All webhook items that were answered 200. */
  acknowledged(): Promise<Acknowledged[]> {
    return this.pages('acknowledged');
  }

  private async pages<Row>(list: string, from = 0): Promise<Row[]> {
    const rows: Row[] = [];
    for (let after = from; ;) {
      const page = await this.call<{ next: number } & Record<string, Row[]>>('GET', `${list}?after=${after}`);
      const found = page[list] ?? [];
      if (found.length === 0) return rows;
      for (const row of found) rows.push(row);
      after = page.next;
    }
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/simulator/${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await response.text();
    if (!response.ok)
      throw new Error(`the simulator answered ${response.status} to ${method} ${path}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}

export type Accepted = {
  readonly seq: number;
  readonly at: number;
  readonly phoneNumberId: string;
  readonly to: string;
  readonly wamid: string;
  readonly callbackData?: string;
  readonly type: string;
};

export type Acknowledged = {
  readonly kind: 'message' | 'status' | 'change';
  readonly phoneNumberId: string;
  readonly id: string;
  readonly status?: string;
};

export type Traffic = {
  readonly running: boolean;
  readonly generated: number;
  readonly acknowledged: number;
  readonly waiting: number;
};

export type SimulatorStats = {
  readonly accepted: number;
  readonly refused: Readonly<Record<string, number>>;
  /** The most in any second, for each number. */
  readonly maxPerSecond: Readonly<Record<string, { readonly sends: number; readonly together: number }>>;
  readonly webhooks: {
    readonly waiting: number;
    readonly acknowledgedItems: number;
    readonly answerMs: { readonly p50: number; readonly p99: number };
  };
};
