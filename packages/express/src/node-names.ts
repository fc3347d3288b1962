import { invalidOption } from "@sluice/core/http";

/** The properties of Node's request: of `IncomingMessage`, of streams and of emitters. */
const NODE_NAMES = new Set(
  (
    "aborted client complete connection headers headersDistinct httpVersion httpVersionMajor httpVersionMinor " +
    "joinDuplicateHeaders method rawHeaders rawTrailers setTimeout signal socket statusCode statusMessage trailers " +
    "trailersDistinct upgrade url " +
    "asIndexedPairs closed compose destroy destroyed drop errored every filter find flatMap forEach isPaused iterator map pause pipe push " +
    "read readable readableAborted readableBuffer readableDidRead readableEncoding readableEnded readableFlowing readableHighWaterMark " +
    "readableLength readableObjectMode reduce resume setEncoding some take toArray unpipe unshift wrap " +
    "addListener emit eventNames getMaxListeners listenerCount listeners off on once prependListener " +
    "prependOnceListener rawListeners removeAllListeners removeListener setMaxListeners"
  ).split(" "),
);

/** @throws SluiceError `INVALID_OPTION` for a name that Node uses, such as `client`, which is the socket */
export function checkProperty(name: string): string {
  if (!NODE_NAMES.has(name)) return name;
  throw invalidOption("requestProperty", name, "not be a property that Node's requests have");
}
