import { access, type Access, type Acl, aclsOf, productAccess } from './access';
import { topics } from './topics';

const users: readonly Access[] = [...Object.values(access), productAccess('shop')];
const mayOf = (acls: readonly Acl[], name: string) =>
  acls.filter(({ resource }) => resource.name === name).flatMap(({ operations }) => operations);

describe('the rights of the users', () => {
  it('are for the topics of one installation, each by its name, and for groups of ours', () => {
    expect(aclsOf(access.ingestion, 'blue.')).toEqual([
      {
        resource: { type: 'topic', name: 'blue.whatsapp.webhooks', pattern: 'literal' },
        operations: ['Write'],
      },
      {
        resource: { type: 'topic', name: 'blue.whatsapp.webhooks.dlq', pattern: 'literal' },
        operations: ['Write'],
      },
    ]);
    expect(aclsOf(access.dispatcher, 'blue.')).toContainEqual({
      resource: { type: 'group', name: 'blue.talaria.dispatcher', pattern: 'literal' },
      operations: ['Read'],
    });
    expect(aclsOf(access.processor, '')).toContainEqual({
      resource: { type: 'group', name: 'talaria.processor.', pattern: 'prefixed' },
      operations: ['Read'],
    });
  });

  it('are one rule for each resource', () => {
    for (const user of users) {
      const names = aclsOf(user, '').map(({ resource: { type, name } }) => `${type} ${name}`);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  it('let nobody but the topic job create, and nobody delete a topic or change one', () => {
    for (const user of users) {
      const ofTopics = aclsOf(user, '').filter(({ resource }) => resource.type === 'topic');
      const operations = ofTopics.flatMap((acl) => acl.operations);
      expect(operations.includes('Create')).toBe(user === access.topics);
      expect(operations).not.toContain('Delete');
    }
  });

  it('let each topic be written by its owner', () => {
    const owners = {
      ingestion: access.ingestion,
      processor: access.processor,
      dispatcher: access.dispatcher,
      products: productAccess('shop'),
    };
    for (const { name, owner } of Object.values(topics))
      expect(mayOf(aclsOf(owners[owner], ''), name)).toContain('Write');
  });

  it('keep webhooks from products, and products within groups of their own', () => {
    const acls = aclsOf(productAccess('shop'), '');
    expect(mayOf(acls, topics.webhooks.name)).toEqual([]);
    expect(mayOf(acls, topics.outbound.name)).toEqual(['Write']);
    expect(mayOf(acls, topics.events.name)).toEqual(['Read']);
    expect(acls.filter(({ resource }) => resource.type === 'group').map(({ resource }) => resource)).toEqual([
      { type: 'group', name: 'shop.', pattern: 'prefixed' },
      { type: 'group', name: 'talaria-client-', pattern: 'prefixed' },
    ]);
  });
});
