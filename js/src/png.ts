// An SVG document as the pixels of a PNG, drawn by the page.

/** What Python draws too by default, see `picture.py`. */
const MAX_PIXELS = 8e6;
const MOST_PER_PIXEL = 200 / 96;
/** A canvas that is longer stays empty in some browsers. */
const LONGEST = 16_384;

/** Pixels per unit of a drawing: as sharp as its size allows. */
export function scaleFor(width: number, height: number): number {
  return Math.min(MOST_PER_PIXEL, Math.sqrt(MAX_PIXELS / (width * height)), LONGEST / width, LONGEST / height);
}

/** Rejects where the page may not draw it. */
export async function toPng(svg: string): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const scale = scaleFor(image.naturalWidth, image.naturalHeight);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("this page may not draw it"))), "image/png");
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}
