import { hashOfWamid, scrub } from './mask';

it('tells a wamid by the beginning of its SHA-256, as Postgres and sha256sum do', () => {
  // printf wamid.1 | sha256sum
  expect(hashOfWamid('wamid.1')).toBe('da2f7f8d6171c4b3');
});

it.each([
  ['Malformed access token EAAGm0PX4ZCpsBAK', 'Malformed access token EAA…'],
  ['Invalid OAuth access token hunter2.', 'Invalid OAuth access token ….'],
  ['(#131030) +49 151 12345678 is not in the list', '(#131030) … is not in the list'],
  ['no message wamid.HBgNNDkx/+x== of 4915112345678', 'no message wamid.… of …'],
  ['(#132000) 2 of 3 parameters, HTTP 400', '(#132000) 2 of 3 parameters, HTTP 400'],
])('leaves of %j what is nobody’s', (text, left) => {
  expect(scrub(text, ['hunter2', ''])).toBe(left);
});
