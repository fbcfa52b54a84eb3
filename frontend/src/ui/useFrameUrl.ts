import { useCallback, useEffect, useRef, useState } from "react";

/** The newest picture as an address for `<img>`, and the way to put a newer one there. */
export function useFrameUrl(): readonly [string | null, (picture: Blob | null) => void] {
  const [url, setUrl] = useState<string | null>(null);
  const held = useRef<string | null>(null);
  const show = useCallback((picture: Blob | null) => {
    const last = held.current;
    held.current = picture ? URL.createObjectURL(picture) : null;
    setUrl(held.current);
    // The old one stays readable until the new one is surely on the screen.
    if (last) window.setTimeout(() => URL.revokeObjectURL(last), 1000);
  }, []);
  useEffect(
    () => () => {
      if (held.current) URL.revokeObjectURL(held.current);
      held.current = null;
    },
    [],
  );
  return [url, show];
}
