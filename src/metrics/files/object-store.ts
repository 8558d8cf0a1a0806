export async function fetchObjects(
  urls: string[],
): Promise<{ byUrl: Map<string, import('./input-file.js').InputFile[]>; remove(): Promise<void> }> {
  throw new Error(String(urls))
}
