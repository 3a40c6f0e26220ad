// Saving from the browser: files to the disk, text to the clipboard.

/** Offer a text or bytes as a file. A sandboxed frame without allow-downloads drops it silently; the Save menu says so. */
export function download(name: string, type: string, content: BlobPart): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken hold of the blob by the next turn; revoking at once loses it in Firefox.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Put `text` on the clipboard; false where the host does not allow it. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A file name that every system takes. */
export function fileName(title: string, suffix: string): string {
  const safe = title.replace(/[^\p{L}\p{N}._-]+/gu, "_").replace(/^[._]+/, "");
  return `${safe.slice(0, 80) || "model"}${suffix}`;
}
