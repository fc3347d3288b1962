/** Sends a number of requests, one after the other, and returns their statuses. */
export async function statusesOf(url: string, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) {
    const response = await fetch(url);
    await response.text();
    statuses.push(response.status);
  }
  return statuses;
}
