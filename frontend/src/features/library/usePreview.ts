/** A picture with a stack applied, live: the newest wish wins, the last good frame stays. */

import { useEffect, useRef, useState } from "react";

import { quietRoom } from "../../api/quietRoom";
import type { RoomSocket, VectorUse } from "../../api/socket";
import { useFrameUrl } from "../../ui/useFrameUrl";

export interface Preview {
  readonly url: string | null;
  readonly refusal: string | null;
  readonly isOffline: boolean;
  /** Hands the stack to the room, so that the studio opens with it. */
  readonly leaveStack: () => void;
}

export function usePreview(
  imageId: string | null,
  baseRevisionId: string | null,
  stack: readonly VectorUse[],
): Preview {
  const [url, show] = useFrameUrl();
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isOffline, setOffline] = useState(false);
  const [isReady, setReady] = useState(false);
  const room = useRef<RoomSocket | null>(null);

  useEffect(() => {
    if (imageId === null) return;
    let stream: string | null = null;
    const joined = quietRoom(imageId, {
      onConnection: ({ state }) => setOffline(state === "offline" || state === "denied"),
      onWelcome: (welcome) => {
        stream = welcome.preview_stream;
        setReady(true);
      },
      onFrame: (frame) => {
        if (frame.stream === stream) {
          show(frame.picture);
          setRefusal(null);
        }
        return Promise.resolve();
      },
      onRefused: ({ detail }) => setRefusal(detail),
    });
    room.current = joined;
    joined.start();
    return () => {
      joined.stop();
      room.current = null;
      setReady(false);
      show(null);
    };
  }, [imageId, show]);

  const wish = JSON.stringify(stack);
  useEffect(() => {
    const uses = JSON.parse(wish) as VectorUse[];
    if (!isReady || baseRevisionId === null) return;
    if (uses.length === 0) show(null);
    else room.current?.preview(baseRevisionId, uses);
  }, [wish, isReady, baseRevisionId, show]);

  return {
    url,
    refusal,
    isOffline,
    leaveStack: () => room.current?.rest(JSON.parse(wish) as VectorUse[]),
  };
}
