import { BlockList, isIPv6 } from 'node:net';
import { type Manifest } from './manifests';

/** What NetworkPolicies let through, as far as ours go: selectors of labels and names of namespaces, blocks of addresses, ports. */

type Labels = Readonly<Record<string, string>>;
type Selector = {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
};
type Peer = {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
};
type Rule = {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly protocol: string; readonly port: string | number }[];
};
type Policy = {
  readonly podSelector: Selector;
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
};

/** Who is on the other side: a pod of the same namespace, any pod of another one, or an address. */
export type Other =
  | { readonly labels: Labels }
  | { readonly namespace: string; readonly labels?: Labels }
  | { readonly address: string };

export type Traffic = {
  readonly direction: 'Ingress' | 'Egress';
  readonly pod: Labels;
  readonly other: Other;
  readonly port: string | number;
  readonly protocol?: string;
};

const selects = ({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean =>
  Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
  matchExpressions.every(({ key, operator, values }) => {
    if (operator !== 'In') throw new Error(`${operator} is not known here`);
    return values.includes(labels[key] ?? '');
  });

const isWithin = (address: string, blocks: readonly string[]): boolean => {
  const familyOf = (one: string) => (isIPv6(one) ? 'ipv6' : 'ipv4');
  const list = new BlockList();
  for (const block of blocks) {
    const [network = '', length] = block.split('/');
    // A BlockList would find an IPv4 address in ::/0, too, as a mapped one; a NetworkPolicy does not.
    if (familyOf(network) === familyOf(address)) list.addSubnet(network, Number(length), familyOf(network));
  }
  return list.check(address, familyOf(address));
};

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, other: Other): boolean {
  if ('address' in other)
    return (
      ipBlock !== undefined &&
      isWithin(other.address, [ipBlock.cidr]) &&
      !isWithin(other.address, ipBlock.except ?? [])
    );
  if (ipBlock !== undefined) return false;
  const namespace = 'namespace' in other ? other.namespace : undefined;
  const isThere =
    namespace === undefined
      ? namespaceSelector === undefined
      : namespaceSelector !== undefined &&
        selects(namespaceSelector, { 'kubernetes.io/metadata.name': namespace });
  return isThere && selects(podSelector ?? {}, other.labels ?? {});
}

/** Whether policies that speak of this direction are there for the pod: without one, everything is let through. */
export const isGuarded = (manifests: readonly Manifest[], direction: string, pod: Labels): boolean =>
  policiesFor(manifests, direction, pod).length > 0;

/** Whether some policy lets it through. */
export function isAllowed(manifests: readonly Manifest[], traffic: Traffic): boolean {
  const { direction, pod, other, port, protocol = 'TCP' } = traffic;
  return policiesFor(manifests, direction, pod).some(({ ingress = [], egress = [] }) =>
    (direction === 'Ingress' ? ingress : egress).some(({ from, to, ports }) => {
      const peers = direction === 'Ingress' ? from : to;
      const isToPort = ports?.some((one) => one.port === port && one.protocol === protocol) ?? true;
      return isToPort && (peers?.some((peer) => isPeer(peer, other)) ?? true);
    }),
  );
}

function policiesFor(manifests: readonly Manifest[], direction: string, pod: Labels): Policy[] {
  return manifests
    .filter(({ kind }) => kind === 'NetworkPolicy')
    .map(({ spec }) => spec as Policy)
    .filter(({ podSelector, policyTypes }) => policyTypes.includes(direction) && selects(podSelector, pod));
}
