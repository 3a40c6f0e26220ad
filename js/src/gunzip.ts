// Decompression of the payload, with the browser's own gzip.

/** Return the bytes that `compressed` holds. */
export async function gunzip(compressed: DataView | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const { buffer, byteOffset, byteLength } = compressed;
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  // Written here and not through a Blob, which asks another process. What is wrong with the bytes the reader hears too.
  const wrote = Promise.all([
    writer.write(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)),
    writer.close(),
  ]);
  const [plain] = await Promise.all([new Response(readable).arrayBuffer(), wrote]);
  return new Uint8Array(plain);
}
