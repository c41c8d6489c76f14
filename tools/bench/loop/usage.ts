import { type Client } from 'pg';
import { type Platform } from '../../platform/platform';
import { type AppProcess } from '../../platform/app-process';
import { type Clocks } from '../clocks';
import { busyMs, cpuMsOf, familyCpuMs, parentOf, residentBytesOf } from '../cpu-time';
import { round } from '../report';

export type Watched = {
  readonly apps: Platform['apps'];
  readonly responder: AppProcess;
  readonly client: Client;
  /** Empty: Kafka's processes are not ours to watch. */
  readonly kafkaPids: readonly number[];
};

/** CPU time of everything that takes part since it started; `machine` is all that runs here, this program and what has nothing to do with it too. */
export async function usageOf({ apps, responder, client, kafkaPids }: Watched): Promise<Clocks> {
  const cpu = ({ pid }: AppProcess) => (pid === undefined ? undefined : cpuMsOf([pid]));
  return {
    simulator: cpu(apps.simulator),
    ingestion: cpu(apps.ingestion),
    processor: cpu(apps.processor),
    dispatcher: cpu(apps.dispatcher),
    responder: cpu(responder),
    kafka: kafkaPids.length === 0 ? undefined : cpuMsOf(kafkaPids),
    postgres: await postgresCpuMs(client),
    machine: busyMs(),
  };
}

/** Connections come and go: what the ones that ended have used is kept by their parent, Postgres itself. */
async function postgresCpuMs(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const parent = rows[0] && parentOf(rows[0].pid);
  return parent === undefined ? undefined : familyCpuMs(parent);
}

const MIB = 1024 * 1024;

/** Resident memory of ours, and of those around them, in MiB. */
export function memoryOf({ apps, responder }: Watched): Readonly<Record<string, number | null>> {
  const processes = Object.entries({ ...apps, responder });
  return Object.fromEntries(
    processes.map(([name, { pid }]) => {
      const bytes = pid === undefined ? undefined : residentBytesOf(pid);
      return [name, bytes === undefined ? null : round(bytes / MIB, 0)];
    }),
  );
}
