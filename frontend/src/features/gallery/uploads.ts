/** One upload under way: the file chosen, its crop, its sending. Shared by all of the gallery. */

import { create } from "zustand";

interface UploadState {
  /** The file that is being cropped, if any, and the picture it is to replace. */
  readonly file: File | null;
  readonly replaces: string | null;
}

export const useUploads = create<UploadState>(() => ({ file: null, replaces: null }));

/** Files of this visit by the id of their picture, so that they can be cropped again. */
const known = new Map<string, File>();

export function startUpload(file: File, replaces: string | null = null): void {
  useUploads.setState({ file, replaces });
}

export function endUpload(): void {
  useUploads.setState({ file: null, replaces: null });
}

export function rememberFile(imageId: string, file: File): void {
  known.set(imageId, file);
}

export function knownFile(imageId: string): File | null {
  return known.get(imageId) ?? null;
}

/** Lets the person choose a file and starts with it. */
export function chooseFile(accept: string, replaces: string | null = null): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = accept;
  input.onchange = () => {
    const file = input.files?.[0];
    if (file) startUpload(file, replaces);
  };
  input.click();
}
