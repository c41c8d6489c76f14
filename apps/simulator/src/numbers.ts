import { waIdOf } from './cloud-api/identity';

/** A business number as a scenario registers it. */
export type BusinessNumber = {
  readonly phoneNumberId: string;
  readonly wabaId: string;
  readonly displayPhoneNumber: string;
  readonly accessToken: string;
  readonly messagesPerSecond: number;
  readonly verifiedName: string;
};

type Registered = BusinessNumber & { readonly waId: string };

export type Access =
  | { readonly kind: 'granted'; readonly number: Registered }
  | { readonly kind: 'token-unknown' | 'number-unknown' | 'token-of-another-waba' };

/** The registered numbers and what their tokens open. */
export class Numbers {
  private readonly byId = new Map<string, Registered>();

  /** Registers a number or changes what was registered under its id. */
  register(number: BusinessNumber): void {
    this.byId.set(number.phoneNumberId, {
      ...number,
      waId: waIdOf(number.displayPhoneNumber.replace(/\D/g, '')),
    });
  }

  get(phoneNumberId: string): BusinessNumber | undefined {
    return this.byId.get(phoneNumberId);
  }

  all(): BusinessNumber[] {
    return [...this.byId.values()].map(({ waId: _, ...number }) => number);
  }

  /** As with Meta, a token opens all numbers of its WABA, and a wrong token is noticed before a wrong number. */
  access(token: string | undefined, phoneNumberId: string): Access {
    const number = this.byId.get(phoneNumberId);
    if (number !== undefined && number.accessToken === token) return { kind: 'granted', number };
    const owners = [...this.byId.values()].filter(({ accessToken }) => accessToken === token);
    if (owners.length === 0) return { kind: 'token-unknown' };
    if (number === undefined) return { kind: 'number-unknown' };
    if (!owners.some(({ wabaId }) => wabaId === number.wabaId)) return { kind: 'token-of-another-waba' };
    return { kind: 'granted', number };
  }
}
