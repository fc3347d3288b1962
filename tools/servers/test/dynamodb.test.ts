import { expect, test } from "vitest";
import { startDynamodb } from "../src/index.js";

/** Lists the tables, as any client would. */
async function listTables(url: string): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": "DynamoDB_20120810.ListTables",
      authorization:
        "AWS4-HMAC-SHA256 Credential=local/20260101/local/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
    },
    body: "{}",
    signal: AbortSignal.timeout(5_000),
  });
  return response.json();
}

test("starts separate DynamoDB Locals that answer, and leaves nothing after stop", async () => {
  const [one, other] = await Promise.all([startDynamodb(), startDynamodb()]);
  expect(one.port).not.toBe(other.port);
  for (const { url, port } of [one, other]) {
    expect(url).toBe(`http://127.0.0.1:${port}`);
    expect(await listTables(url)).toEqual({ TableNames: [] });
  }
  await Promise.all([one.stop(), other.stop()]);
  for (const { url } of [one, other]) await expect(listTables(url)).rejects.toThrow();
  await one.stop();
});
