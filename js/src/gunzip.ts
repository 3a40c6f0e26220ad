// Decompression of the payload, with the browser's own gzip.
import { damaged } from "./wire";

/** Return the bytes that `compressed` holds. */
export async function gunzip(compressed: DataView | Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const { buffer, byteOffset, byteLength } = compressed;
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  const plain = new Response(readable).arrayBuffer();
  plain.catch(() => {}); // says "Failed to fetch", where the writer says what is wrong with the bytes
  // Written here and not through a Blob, which asks another process.
  try {
    await Promise.all([writer.write(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)), writer.close()]);
  } catch (error) {
    throw damaged(error);
  }
  return new Uint8Array(await plain);
}
