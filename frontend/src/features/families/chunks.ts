/** How does a large file get to the platform? Piece by piece, going on where it stopped. */

import { asProblem, mayRetry } from "../../api/problem";
import type { Upload } from "./types";

export interface ChunkSender {
  readUpload(id: string): Promise<Upload>;
  sendChunk(
    upload: Upload,
    offset: number,
    chunk: Blob,
    options: { onSent: (share: number) => void; signal: AbortSignal },
  ): Promise<Upload>;
  wait(ms: number): Promise<void>;
}

const TRIES = 5;
const FIRST_WAIT_MS = 500;
const WRONG_OFFSET = "workshop.offset";

/**
 * Sends what the server does not have yet of `file`. Reports bytes sent. Interruptions of
 * the line are waited out; a refusal is thrown.
 */
export async function sendWhole(
  file: Blob,
  begun: Upload,
  sender: ChunkSender,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<Upload> {
  let upload = begun;
  let tries = 0;
  onBytes(upload.received);
  while (!upload.is_whole) {
    signal.throwIfAborted();
    const offset = upload.received;
    const chunk = file.slice(offset, offset + upload.chunk_bytes);
    try {
      upload = await sender.sendChunk(upload, offset, chunk, {
        onSent: (share) => onBytes(offset + share * chunk.size),
        signal,
      });
      tries = 0;
      onBytes(upload.received);
    } catch (error) {
      if (signal.aborted) throw error;
      tries += 1;
      const isBehind = asProblem(error).code === WRONG_OFFSET;
      if (tries >= TRIES || !(isBehind || mayRetry(error))) throw error;
      if (!isBehind) await sender.wait(FIRST_WAIT_MS * 2 ** (tries - 1));
      upload = await sender.readUpload(upload.id);
    }
  }
  return upload;
}
