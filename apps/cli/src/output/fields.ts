/** Anybody may have written it: what a terminal would act on is shown as what it is. */
export function printable(text: string): string {
  return text.replaceAll(
    /\p{Cc}/gu,
    (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** For people: a line for each thing, those of a kind indented below it. */
export function fieldsText(value: object, indent = ''): string {
  const lines = Object.entries(value).map(([name, one]: [string, unknown]) => {
    if (typeof one !== 'object' || one === null || one instanceof Date)
      return `${indent}${printable(name)}: ${textOf(one)}`;
    return `${indent}${printable(name)}:\n${fieldsText(one, `${indent}  `)}`;
  });
  return lines.join('\n');
}

const textOf = (value: unknown) =>
  typeof value === 'string' ? printable(value) : JSON.stringify(value).replaceAll('"', '');
