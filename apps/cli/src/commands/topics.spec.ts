import { jsonOf, runCli } from '../../testing/run-cli';

const env = { KAFKA_PREFIX: 'blue.' };

it('prints the rights of every user for kafka-acls.sh, without asking Kafka', async () => {
  const { code, out } = await runCli(['topics', 'acls'], { env });
  expect(code).toBe(0);
  expect(out).toMatch(
    /^kafka-acls\.sh .* --add --allow-principal User:talaria-processor --topic blue\.whatsapp\.webhooks\.dlq --resource-pattern-type literal --operation Read --operation Write$/m,
  );
  expect(out).toMatch(
    /User:talaria-processor --group blue\.talaria\.processor\. --resource-pattern-type prefixed --operation Read$/m,
  );
  expect(out).not.toContain('User:shop');
  // What is no rule is a comment.
  for (const line of out.split('\n')) expect(line).toMatch(/^(kafka-acls\.sh .*|# .*|)$/);
});

it('gives them as data, and those of a product', async () => {
  const users = await jsonOf(['topics', 'acls', '--product', 'shop'], { env });
  expect(users).toContainEqual({
    principal: 'shop',
    who: expect.any(String),
    acls: expect.arrayContaining([
      {
        resource: { type: 'topic', name: 'blue.whatsapp.outbound', pattern: 'literal' },
        operations: ['Write'],
      },
    ]),
  });
  const { code, err } = await runCli(['topics', 'acls', '--product', "shop' --operation All"], { env });
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--product') });
});
