/** Both ends belong to it; milliseconds since 1970. */
export type Span = { readonly from: number; readonly until: number };
