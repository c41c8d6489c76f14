import { access, type Access, aclsOf, productAccess } from '@talaria/contracts';

const words = {
  Read: 'R',
  Write: 'W',
  Create: 'C',
  Delete: 'X',
  Describe: 'D',
  DescribeConfigs: 'S',
} as const;

/** Who may do what: a row for each topic and group, a column for each user, made from the declaration. */
export function rightsTable(): string {
  const users: readonly Access[] = [...Object.values(access), productAccess('shop')];
  const byUser = users.map((user) => aclsOf(user, ''));
  const names = new Set(
    byUser.flat().map(({ resource: { type, name, pattern } }) => nameOf(type, name, pattern)),
  );
  const rows = [...names].sort(topicsFirst).map((name) => {
    const cells = byUser.map((acls) =>
      acls
        .filter(({ resource: { type, name: own, pattern } }) => nameOf(type, own, pattern) === name)
        .flatMap(({ operations }) => operations.map((one) => words[one]))
        .join(' '),
    );
    return `| ${[name, ...cells].join(' | ')} |`;
  });
  const heads = users.map(({ principal }) => `\`${principal}\``);
  return [`| | ${heads.join(' | ')} |`, `| --- |${' --- |'.repeat(users.length)}`, ...rows].join('\n');
}

/** Otherwise in the order of the declaration. */
const topicsFirst = (a: string, b: string) => Number(b.startsWith('topic')) - Number(a.startsWith('topic'));

const nameOf = (type: string, name: string, pattern: string) =>
  `${type} \`${name}${pattern === 'prefixed' ? '*' : ''}\``;
