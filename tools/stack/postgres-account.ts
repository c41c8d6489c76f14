import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';

/** An account of this machine; undefined stands for the one this process has. */
export type Account = { readonly uid: number; readonly gid: number } | undefined;

const NAME = 'postgres';

/**
 * The account that Postgres is to run as. It refuses to run as root: for root that is whoever owns `data` from an
 * earlier run, else the user "postgres", who is created where there is none.
 */
export function postgresAccount(data: string): Account {
  if (process.getuid?.() !== 0) return undefined;
  if (existsSync(data)) {
    const { uid, gid } = statSync(data);
    if (uid !== 0) return { uid, gid };
  }
  return find() ?? create();
}

/** Whether the account may run `command` to its end without a fault. */
export function mayRun(account: Account, command: string, ...args: readonly string[]): boolean {
  // From the root folder: the one this process is in may be closed to the account.
  return spawnSync(command, args, { cwd: '/', stdio: 'ignore', ...account }).status === 0;
}

function find(): Account {
  const [uid, gid] = ['-u', '-g'].map((which) => {
    const { status, stdout } = spawnSync('id', [which, NAME], { encoding: 'utf8' });
    return status === 0 ? Number(stdout) : undefined;
  });
  return uid !== undefined && gid !== undefined ? { uid, gid } : undefined;
}

function create(): Account {
  const attempts: [string, string[]][] = [
    ['useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', NAME]],
    // BusyBox
    ['adduser', ['-S', '-D', '-H', NAME]],
  ];
  for (const [command, args] of attempts) {
    spawnSync(command, args, { stdio: 'ignore' });
    const account = find();
    if (account) return account;
  }
  throw new Error(
    `Postgres does not run as root, and the user "${NAME}" to run it as does not exist and could not be created. ` +
      `Create it ("useradd --system ${NAME}"), start as an ordinary user, or name a server with DATABASE_URL.`,
  );
}
