/** Waits for an event after the response, over a real socket. */
export async function until(happened: () => boolean | Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 5_000;
  while (!(await happened())) {
    if (performance.now() > deadlineMs) throw new Error(`it did not happen within 5 s: ${happened}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
