// What a container of the image runs: one of the apps, or the command, in this very process, which is the container's first.
const apps = ['ingestion', 'processor', 'dispatcher', 'simulator'];
const help = `Talaria. What a container of this image runs is its first word:

  ${apps.join(' | ')}
                   one of the apps; each says which variables it is missing
  talaria …        the command: talaria --help
`;

// The kernel gives process 1 no default for signals: without this, Ctrl-C and SIGTERM would be ignored until a program listens
// itself. One that comes while it is loaded waits for that.
for (const [signal, number] of [
  ['SIGINT', 2],
  ['SIGTERM', 15],
]) {
  process.on(signal, () => {
    if (process.listenerCount(signal) === 1) process.exit(128 + number);
  });
}

const [word = 'help'] = process.argv.splice(2, 1);
const app = word === 'talaria' ? 'cli' : apps.find((name) => name === word);
if (app) require(`./dist/apps/${app}/src/main.js`);
else {
  const isHelp = ['help', '--help', '-h'].includes(word);
  if (isHelp) process.stdout.write(help);
  else process.stderr.write(`There is no "${word}" in this image.\n\n${help}`);
  process.exitCode = isHelp ? 0 : 2;
}
