import type { Clock, Duration, Store } from "@sluice/core";

/** The common part of the protections of one store. */
export interface Shared {
  readonly store: Store;
  readonly prefix: string;
  readonly timeout: Duration;
  readonly clock?: Clock;
}

export interface Block {
  readonly key: string;
  readonly sinceMs: number;
  readonly untilMs: number | undefined;
  readonly reason: string | undefined;
}

export interface KnownClient {
  readonly id: string;
  readonly registered: boolean;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type Fields = Readonly<Record<string, string | number>>;

/**
 * The functions that create the protections under test. They are passed in, so that the testkit does not depend on
 * `@sluice/protections`.
 */
export interface Protections {
  createDebouncer(options: Shared & { readonly window: Duration }): {
    seen(key: string, fingerprint?: string): Promise<boolean>;
    forget(key: string, fingerprint?: string): Promise<void>;
  };
  createBlocklist(options: Shared & { readonly staleFor?: Duration }): {
    block(key: string, options?: { for?: Duration; reason?: string }): Promise<Block>;
    unblock(key: string): Promise<void>;
    findBlock(key: string): Promise<Block | undefined>;
    list(): Promise<readonly Block[]>;
  };
  createRegistry(
    options: Shared & { readonly staleFor?: Duration; readonly touchEvery?: Duration; readonly forgetAfter?: Duration },
  ): {
    ensure(id: string, fields?: Fields): Promise<KnownClient>;
    get(id: string): Promise<KnownClient | undefined>;
    isRegistered(id: string): Promise<boolean>;
    register(id: string, fields?: Fields): Promise<KnownClient>;
    update(id: string, fields: Fields | ((fields: KnownClient["fields"]) => Fields)): Promise<KnownClient | undefined>;
    remove(id: string): Promise<void>;
    list(): Promise<readonly KnownClient[]>;
  };
}

/** A timeout that is longer than any test. */
export const PATIENT: Duration = "30s";
