import { userIdOf } from '../cloud-api/identity';

/** A person who writes to the businesses. */
export type Customer = { readonly waId: string; readonly userId: string; readonly name: string };

const PREFIXES = ['1555', '44770', '49151', '55118', '91987', '521551', '3361', '34600'] as const;
const NAMES = [
  'Ana Souza',
  'José Núñez',
  'Zoë Müller',
  'Priya Sharma 🌸',
  'O’Neil & Søn',
  '李雷',
  'محمد',
  'Joe/Smith',
] as const;

/** The n-th customer: always the same person. */
export function customer(index: number): Customer {
  const waId = `${PREFIXES[index % PREFIXES.length] ?? PREFIXES[0]}${1_000_000 + index}`;
  return { waId, userId: userIdOf(waId), name: NAMES[(index * 5) % NAMES.length] ?? NAMES[0] };
}
