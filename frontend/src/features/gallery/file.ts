/** What can be said about a chosen file before it is sent? The server judges again. */

export const ACCEPTED = "image/png,image/jpeg,image/webp";
export const MOST_BYTES = 25 * 2 ** 20;
export const MOST_PIXELS = 40_000_000;

export interface PixelSize {
  readonly width: number;
  readonly height: number;
}

/** The pixel size that a PNG or JPEG says it has, read from its first bytes; else null. */
export function saidSize(bytes: Uint8Array): PixelSize | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 24 && view.getUint32(0) === 0x89504e47) {
    return { width: view.getUint32(16), height: view.getUint32(20) };
  }
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) return null;
  let at = 2;
  while (at + 9 < bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: view.getUint16(at + 5), width: view.getUint16(at + 7) };
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}

/** Why this file needs no sending, in the words the server would use; null if it may go. */
export function refusal(size: number, said: PixelSize | null): string | null {
  if (size === 0) return "This file is empty. It may not have been copied completely.";
  if (size > MOST_BYTES) {
    return `This file has ${Math.round(size / 1e6)} MB. The most is 25 MB; make it smaller and try again.`;
  }
  const pixels = said ? said.width * said.height : 0;
  if (pixels > MOST_PIXELS) {
    return `This picture has ${Math.round(pixels / 1e6)} million pixels. The most is 40 million; make it smaller and try again.`;
  }
  return null;
}

/** A name for a picture from the name of its file: "my_fox-poster.png", "My fox poster". */
export function nameFromFile(fileName: string): string {
  const words = fileName
    .replace(/\.[^.]*$/, "")
    .replace(/[_\-.]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return (words.charAt(0).toUpperCase() + words.slice(1)).slice(0, 120) || "Untitled";
}
