// Decompression of the payload, with the browser's own gzip.

/** Return the bytes that `compressed` holds. */
export async function gunzip(compressed: DataView | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const { buffer, byteOffset, byteLength } = compressed;
  const part = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  const stream = new Blob([part]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
