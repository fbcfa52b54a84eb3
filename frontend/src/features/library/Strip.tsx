/** A strip −2 … 2 in the place of one picture: plays once when pointed at, then follows. */

import { type PointerEvent, useEffect, useRef, useState } from "react";

import { strength } from "../../ui/words";
import { nearest, stripIndex } from "./figures";
import styles from "./library.module.css";

const PLAY_MS = 1600;

const isStill = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** The picture of a strip to show, and what moves it. `isAwake`: pointed at or focused. */
export function useStrip(strengths: readonly number[], isAwake: boolean) {
  const rest = nearest(strengths, 1);
  const [at, setAt] = useState(rest);
  const isScrubbed = useRef(false);
  useEffect(() => {
    isScrubbed.current = false;
    if (!isAwake) {
      setAt(rest);
      return;
    }
    if (isStill() || strengths.length < 2) return;
    let step = 0;
    const timer = window.setInterval(
      () => {
        step += 1;
        if (isScrubbed.current || step > strengths.length) {
          window.clearInterval(timer);
          if (!isScrubbed.current) setAt(rest);
          return;
        }
        setAt(step - 1);
      },
      PLAY_MS / (strengths.length + 1),
    );
    return () => window.clearInterval(timer);
  }, [isAwake, rest, strengths]);
  const choose = (next: number) => {
    isScrubbed.current = true;
    setAt(next);
  };
  return [at, choose] as const;
}

export function StripPicture({
  urls,
  strengths,
  at,
  before,
  isAwake,
  onChoose,
  title,
}: {
  readonly urls: readonly string[];
  readonly strengths: readonly number[];
  readonly at: number;
  readonly before: string | null;
  readonly isAwake: boolean;
  readonly onChoose: (at: number) => void;
  readonly title: string;
}) {
  const scrub = (event: PointerEvent<HTMLDivElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    onChoose(stripIndex((event.clientX - box.left) / box.width, urls.length));
  };
  return (
    <div className={styles.picture} onPointerMove={onlyMouse(scrub)}>
      {urls.map((url, index) => (
        <img
          key={url}
          src={url}
          alt={index === at ? `${title} at ${strength(strengths[index] ?? 0, 1)}` : ""}
          loading="lazy"
          style={{ visibility: index === at ? "visible" : "hidden" }}
        />
      ))}
      {urls.length === 0 && <span className={styles.unmeasured}>Not measured yet</span>}
      {isAwake && urls.length > 0 && (
        <span className={styles.at}>{strength(strengths[at] ?? 0, 1)}</span>
      )}
      {!isAwake && before && urls.length > 0 && (
        <span className={styles.before}>
          <img src={before} alt="" loading="lazy" />
          <span>before</span>
        </span>
      )}
    </div>
  );
}

/** Only a mouse scrubs; a finger that scrolls must not. */
function onlyMouse(run: (event: PointerEvent<HTMLDivElement>) => void) {
  return (event: PointerEvent<HTMLDivElement>) => {
    if (event.pointerType === "mouse") run(event);
  };
}
