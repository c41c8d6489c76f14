import { type Command, type Option } from 'commander';

/** Scripts that complete nouns, verbs, flags, and the words that a flag takes: made from the tree, and asking nobody when they run. */

type Candidate = { readonly word: string; readonly summary: string };

/** What may follow a command: what is below it, or else its flags. */
type Place = {
  /** ` topics list`; empty for the program. */
  readonly path: string;
  readonly candidates: readonly Candidate[];
  /** What may follow a flag that takes a value. */
  readonly values: readonly {
    readonly flags: readonly string[];
    readonly takes: 'file' | readonly string[];
  }[];
};

function placesOf(command: Command, path = ''): Place[] {
  const below = command.commands.map((one) => ({ word: one.name(), summary: one.summary() }));
  const flags = command.options.map((option) => ({ word: longOf(option), summary: option.description }));
  const help = { word: '--help', summary: 'display help for command' };
  return [
    {
      path,
      candidates: below.length > 0 ? below : [...flags, help],
      values: command.options
        .filter((option) => option.required || option.optional)
        .map((option) => ({
          flags: [option.short, option.long].flatMap((flag) => flag ?? []),
          takes: takenBy(option),
        })),
    },
    ...command.commands.flatMap((one) => placesOf(one, `${path} ${one.name()}`)),
  ];
}

const longOf = ({ long, flags }: Option) => long ?? flags;

function takenBy({ argChoices, flags }: Option): 'file' | readonly string[] {
  if (argChoices !== undefined) return argChoices;
  return /<(path|folder)>/.test(flags) ? 'file' : [];
}

export function bashCompletion(program: Command): string {
  const places = placesOf(program);
  const cases = places.map(({ path, candidates, values }) => {
    const followed = values.map(({ flags, takes }) =>
      takes === 'file'
        ? `        ${flags.join('|')}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`
        : `        ${flags.join('|')}) words='${takes.join(' ')}' ;;`,
    );
    const words = candidates.map(({ word }) => word).join(' ');
    return [
      `    '${path}')`,
      '      case "$prev" in',
      ...followed,
      `        *) words='${words}' ;;`,
      '      esac ;;',
    ].join('\n');
  });
  return `# bash completion of talaria: source <(talaria completion bash)
_talaria() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path='' words='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path $word" in
      ${knownPaths(places)}) path="$path $word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _talaria talaria`;
}

export function zshCompletion(program: Command): string {
  const places = placesOf(program);
  const cases = places.map(({ path, candidates, values }) => {
    const followed = values.map(({ flags, takes }) =>
      takes === 'file'
        ? `        (${flags.join('|')}) _files; return ;;`
        : `        (${flags.join('|')}) candidates=(${takes.map(quoted).join(' ')}) ;;`,
    );
    const described = candidates.map(({ word, summary }) =>
      quoted(`${word}:${summary.replaceAll('\\', '\\\\').replaceAll(':', '\\:')}`),
    );
    return [
      `    ('${path}')`,
      '      case "$prev" in',
      ...followed,
      `        (*) candidates=(${described.join(' ')}) ;;`,
      '      esac ;;',
    ].join('\n');
  });
  return `#compdef talaria
# zsh completion of talaria: source <(talaria completion zsh), or a file _talaria in a folder of $fpath
_talaria() {
  local place='' word prev="\${words[CURRENT-1]}"
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$place $word" in
      (${knownPaths(places)}) place="$place $word" ;;
    esac
  done
  case "$place" in
${cases.join('\n')}
  esac
  _describe talaria candidates
}
if [[ "\${funcstack[1]}" == _talaria ]]; then _talaria "$@"; else compdef _talaria talaria; fi`;
}

const knownPaths = (places: readonly Place[]) =>
  places.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|');

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;
