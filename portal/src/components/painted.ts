/** Once the browser has drawn what was asked for before: for work that takes long. */
export function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}
