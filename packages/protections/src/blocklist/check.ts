import { clientKey, type LimiterKey, type MaybePromise, type Store } from "@sluice/core";
import {
  ANSWER_RULES,
  type AnswerOptions,
  after,
  type Check,
  type CheckContext,
  type CheckSource,
  checkOptions,
  clientAddress,
  createGuard,
  type Denial,
  denier,
  expectNone,
  GUARD_RULES,
  type Guard,
  type GuardOptionsOf,
  type HttpPort,
  type Identified,
  PASS,
  type Rules,
  type UnavailableDenial,
} from "@sluice/core/http";
import { BLOCKLIST_RULES, type Blocklist, type BlocklistOptions, createBlocklist } from "./blocklist.js";
import type { BlockEntry } from "./entry.js";

/** The answer to blocked clients: 403, or the option `statusCode`. */
export type BlockedDenial = Denial<"blocked", BlockEntry>;

/** Options of {@link blocked}. Those of `createBlocklist` apply only to a store, because a blocklist has its own. */
export interface BlockedOptions<Req> extends Partial<Omit<BlocklistOptions, "store">>, AnswerOptions<Req, BlockEntry> {
  /**
   * Returns the keys of a client: a block of any of them denies it. Default: its whole address, and the result of the
   * guard's option `key`.
   */
  key?: ((request: Req) => MaybePromise<string | readonly string[]>) | undefined;
  /** The property of the request on which a `handler` finds the {@link BlockEntry}. Default `"block"`. */
  requestProperty?: string | undefined;
}

const { store: _store, ...OF_BLOCKLIST } = BLOCKLIST_RULES;

const RULES: Rules<BlockedOptions<never>> = {
  ...OF_BLOCKLIST,
  ...ANSWER_RULES,
  key: "function",
  requestProperty: "any",
};

/**
 * A check that denies blocked clients with 403. If the store fails it answers 503, unless the blocklist is
 * `failOpen`. Clients that it has looked up recently are answered from memory.
 *
 * @param storeOrBlocklist a store for the blocks, or a blocklist that other parts of the app use too
 * @throws SluiceError for any invalid option
 */
export function blocked<Req>(
  storeOrBlocklist: Store | Blocklist,
  options: BlockedOptions<Req> = {},
): CheckSource<Req, BlockedDenial, BlockEntry | undefined> {
  checkOptions(options, RULES, "blocked");
  const { key, requestProperty = "block", statusCode, type, title, message, ...own } = options;
  const blocklist = blocklistOf(storeOrBlocklist, own);
  const deny = denier({ statusCode, type, title, message }, FORBIDDEN);

  function checkBy(
    keysOf: (who: Identified<Req>) => MaybePromise<string | readonly string[]>,
    keyless: boolean,
  ): Check<Req, BlockedDenial, BlockEntry | undefined> {
    return {
      name: "blocked",
      keyless,
      requestProperty,
      look: (who) => after(keysOf(who), (keys) => findAny(blocklist, typeof keys === "string" ? [keys] : keys)),
      judge: ({ request }, { looked }) =>
        looked === undefined ? PASS : { found: looked, deny: () => deny(request, looked) },
    };
  }

  return key === undefined
    ? (context) => checkBy((who) => keysOf(who, context), false)
    : checkBy(({ request }) => key(request), true);
}

const FORBIDDEN = {
  reason: "blocked",
  status: 403,
  title: "Forbidden",
  detail: "This client is blocked.",
} as const;

function blocklistOf(storeOrBlocklist: Store | Blocklist, own: Partial<Omit<BlocklistOptions, "store">>): Blocklist {
  if (!isBlocklist(storeOrBlocklist)) return createBlocklist({ ...own, store: storeOrBlocklist });
  expectNone({ ...own }, "be set in createBlocklist if you pass a blocklist");
  return storeOrBlocklist;
}

function isBlocklist(value: Store | Blocklist): value is Blocklist {
  return typeof (value as Partial<Blocklist> | undefined)?.findBlock === "function";
}

/**
 * All keys under which a client may be blocked: its key, and its whole address, because a blocked network may be smaller
 * than one client's.
 */
function keysOf<Req>({ request, key }: Identified<Req>, { port, hasKey }: CheckContext<Req>): readonly string[] {
  const address = clientAddress(request, port);
  const known = isAddress(address) ? [address] : [];
  return hasKey || known.length === 0 ? [...new Set([...known, ...namesIn(key)])] : known;
}

function namesIn(key: LimiterKey): readonly string[] {
  return typeof key === "object" && key !== null ? Object.values(key) : [key];
}

/** Frameworks may return any text, such as an address with a port. */
function isAddress(address: string | undefined): address is string {
  if (address === undefined) return false;
  try {
    clientKey(address);
    return true;
  } catch {
    return false;
  }
}

/** The block of the first key that has one. Looks all keys up at the same time. */
function findAny(blocklist: Blocklist, keys: readonly string[]): MaybePromise<BlockEntry | undefined> {
  const found = keys.map((key) => blocklist.look(key));
  if (!found.some((entry) => entry instanceof Promise)) return found.find((entry) => entry !== undefined);
  return Promise.all(found).then((entries) => entries.find((entry) => entry !== undefined));
}

/** Options of the middleware `blocklist` in every framework: those of {@link blocked} and some of a guard. */
export interface BlocklistGuardOptions<Req, Handler = never>
  extends BlockedOptions<Req>,
    Pick<GuardOptionsOf<Req, Handler>, "skip" | "unusableAddress" | "name" | "handler"> {}

const OF_GUARD = (({ skip, unusableAddress, name, handler }) => ({ skip, unusableAddress, name, handler }))(
  GUARD_RULES,
);

/**
 * Creates a guard with the single check {@link blocked}. For authors of adapters.
 *
 * @throws SluiceError for any invalid option
 */
export function createBlocklistGuard<Req, Handler>(
  storeOrBlocklist: Store | Blocklist,
  options: BlocklistGuardOptions<Req, Handler>,
  port: HttpPort<Req>,
): Guard<Req, Handler, BlockedDenial | UnavailableDenial> {
  checkOptions(options, { ...RULES, ...OF_GUARD }, "blocklist");
  const { skip, unusableAddress, name, handler, ...own } = options;
  // Preflights of a blocked client are denied too.
  const guardOptions = { skip, unusableAddress, name, handler, chargePreflight: true };
  return createGuard([blocked(storeOrBlocklist, own)], guardOptions, port, "blocklist");
}
