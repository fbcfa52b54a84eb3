/** A room joined to look on: frames of a running job, previews of a stack, nothing painted. */

import { toProblem } from "./problem";
import { type RoomListener, RoomSocket, type Snapshot, browserSurroundings } from "./socket";

const nothing = () => undefined;

async function fetchSnapshot(imageId: string): Promise<Snapshot> {
  const response = await fetch(`/api/images/${imageId}/room`, {
    credentials: "same-origin",
    cache: "no-cache",
  });
  if (!response.ok) throw toProblem(response.status, await response.json().catch(() => null));
  return (await response.json()) as Snapshot;
}

/** A socket to a picture's room that answers only what `listener` asks for. Start it yourself. */
export function quietRoom(imageId: string, listener: Partial<RoomListener>): RoomSocket {
  return new RoomSocket(
    browserSurroundings(imageId, () => fetchSnapshot(imageId)),
    {
      onConnection: nothing,
      onWelcome: nothing,
      onOps: nothing,
      onStack: nothing,
      onPresence: nothing,
      onJob: nothing,
      onRevision: nothing,
      onRefused: nothing,
      onFrame: () => Promise.resolve(),
      onPreviewSent: nothing,
      ...listener,
    },
  );
}
