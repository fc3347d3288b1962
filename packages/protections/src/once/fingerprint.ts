import type { MaybePromise } from "@sluice/core";
import { after, type HttpPort } from "@sluice/core/http";

/**
 * The fingerprint that equal requests share: the method, the path with the query, and a digest of the body. The order of
 * names in JSON does not matter. `undefined` if the body has not been read, because requests with different bodies must
 * never be taken for equal.
 */
export function fingerprintOf<Req>(request: Req, port: HttpPort<Req>): MaybePromise<string | undefined> {
  const line = `${port.method(request)} ${port.target?.(request)}`;
  if (!hasBody(request, port)) return line;
  return after(port.body?.(request), (body) => {
    if (body === undefined || isUntouched(body, request, port) || lacksFiles(body, request, port)) return undefined;
    const bytes = bytesOf(body);
    return bytes && digest(bytes).then((text) => `${line} ${text}`);
  });
}

/** One of these fields announces a body (RFC 9112, section 6). */
function hasBody<Req>(request: Req, port: HttpPort<Req>): boolean {
  if (port.header(request, "transfer-encoding") !== undefined) return true;
  return Number(port.header(request, "content-length") ?? 0) > 0;
}

/** Returns whether no parser has read the body: parsers leave an empty object for other types. A real `{}` has two bytes. */
function isUntouched<Req>(body: unknown, request: Req, port: HttpPort<Req>): boolean {
  if (typeof body !== "object" || body === null || isBytes(body) || Object.keys(body).length > 0) return false;
  return !Array.isArray(body) && Number(port.header(request, "content-length") ?? Number.NaN) !== 2;
}

/** Returns whether the files of a form are missing here: parsers put its fields here and its files elsewhere. */
function lacksFiles<Req>(body: unknown, request: Req, port: HttpPort<Req>): boolean {
  const isForm = /^\s*multipart\//i.test(port.header(request, "content-type") ?? "");
  return isForm && !(typeof body === "object" && body !== null && isBytes(body));
}

function isBytes(body: object): body is ArrayBuffer | ArrayBufferView {
  return body instanceof ArrayBuffer || ArrayBuffer.isView(body);
}

/** The body as bytes, with a mark of its type, so that a text never equals bytes with the same content. */
function bytesOf(body: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (typeof body === "object" && body !== null && isBytes(body)) {
    const bytes = ArrayBuffer.isView(body)
      ? new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
      : new Uint8Array(body);
    const marked = new Uint8Array(bytes.length + 1);
    marked.set(bytes, 1);
    return marked;
  }
  const text = typeof body === "string" ? `t${body}` : toJson(body);
  return text === undefined ? undefined : new TextEncoder().encode(text);
}

function toJson(body: unknown): string | undefined {
  try {
    return `j${JSON.stringify(body, (_name, value) => (isPlain(value) ? sorted(value) : value))}`;
  } catch {
    // The value is too deep, circular, or not JSON.
    return undefined;
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function sorted(value: object): object {
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
