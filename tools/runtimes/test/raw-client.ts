import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { text } from "node:stream/consumers";
import type { WireApp, WireState } from "../fixtures/wire.js";
import type { Running } from "./runtime.js";

/** An answer as received, with the original case and order of its field names. */
export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** An app that runs in a runtime. */
export interface WireServer {
  readonly url: string;
  state(): Promise<WireState>;
  release(): Promise<void>;
}

/** Starts an app with one adapter in one runtime. */
export type StartApp = (app: Pick<WireApp, "route" | "limit"> & Partial<WireApp>) => Promise<WireServer>;

export async function startApp({ url }: Running, app: WireApp): Promise<WireServer> {
  const post = async (path: string, body: unknown) => {
    const response = await fetch(url + path, { method: "POST", body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const started = (await post("/start", app)) as { number: number; url: string };
  return {
    url: started.url,
    state: () => post("/state", started.number),
    release: () => post("/release", started.number),
  };
}

/** Opens a new connection. The caller writes the body or ends the connection. */
export function open(url: string, options: RequestOptions = {}): ClientRequest {
  const request = httpRequest(url, { agent: false, ...options });
  request.on("error", () => {});
  return request;
}

/** Sends a whole request, and reads the whole answer. */
export async function exchange(url: string, options: RequestOptions = {}, body = ""): Promise<RawAnswer> {
  const request = open(url, options).end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  return answerOf(response);
}

async function answerOf(response: IncomingMessage): Promise<RawAnswer> {
  const { rawHeaders, statusCode = 0, statusMessage = "" } = response;
  const fields = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] as string] as const] : []));
  return { status: statusCode, reason: statusMessage, fields, body: await text(response) };
}
