import { SluiceError } from "@sluice/core";
import { formatNetwork, maskNetwork, type Network, parseNetwork } from "@sluice/core/http";
import { checkKey } from "../key.js";

/** The client to block or to look up. */
export interface Subject {
  /** The normalised spelling. */
  readonly key: string;
  /** The addresses, if it is an address or a network. */
  readonly network: Network | undefined;
  /** True if it is a network with more or fewer addresses than one client has. */
  readonly range: boolean;
  /** The key of the client that it is or belongs to. `undefined` for a network of several clients. */
  readonly client: string | undefined;
}

/**
 * Parses an address in any spelling, a network, or any other key. The key of an address is that of core's `clientKey`: IPv4
 * has one spelling, and IPv6 stands for its network of `ipv6Prefix` bits. Text that looks like a network but is invalid,
 * such as `10.0.0.0/33`, is an ordinary key, because a client may have that name.
 *
 * @throws SluiceError `INVALID_KEY` for an empty key
 */
export function subjectOf(given: string, ipv6Prefix: number): Subject {
  const key = checkKey(given, "key");
  const network = parseNetwork(key);
  if (network === undefined || network === "wrong") return { key, network: undefined, range: false, client: key };
  const clientBits = network.family === 4 ? 128 : ipv6Prefix;
  const client = network.bits < clientBits ? undefined : formatNetwork(maskNetwork({ ...network, bits: clientBits }));
  if (client !== undefined && !key.includes("/")) return { key: client, network, range: false, client };
  return { key: formatNetwork(network), network, range: network.bits !== clientBits, client };
}

/**
 * Like {@link subjectOf}, for a block to create or lift.
 *
 * @throws SluiceError `INVALID_KEY` also for text that looks like a network but is invalid, because it would never match
 */
export function subjectToChange(given: string, ipv6Prefix: number): Subject {
  const subject = subjectOf(given, ipv6Prefix);
  if (parseNetwork(subject.key) === "wrong") {
    throw new SluiceError("INVALID_KEY", 'key looks like a network but is invalid: write it as in "10.0.0.0/8"');
  }
  return subject;
}
