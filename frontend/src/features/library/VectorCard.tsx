/** One edit vector in the library. Pointed at or focused, it plays, and grows over the next. */

import { type FocusEvent, type ReactNode, useMemo, useRef, useState } from "react";
import { Link } from "react-router";

import type { EditVector } from "../../api/client";
import { IconWorld, IconPeople, IconPlus, IconUsed } from "../../ui/icons";
import { count, counted, strength } from "../../ui/words";
import { Like } from "./Like";
import { StripPicture, useStrip } from "./Strip";
import { shortFigures } from "./figures";
import styles from "./library.module.css";

const LONG_PRESS_MS = 450;

export function VectorCard({
  vector,
  isTried,
  onTry,
  onAdd,
  action,
}: {
  readonly vector: EditVector;
  readonly isTried: boolean;
  /** Try this one alone. */
  readonly onTry: () => void;
  /** Try it together with those tried already. */
  readonly onAdd: () => void;
  /** One more button, for the page that the card is on. */
  readonly action?: ReactNode;
}) {
  const [isAwake, setAwake] = useState(false);
  const strengths = useMemo(() => vector.strengths, [vector.strengths]);
  const [at, choose] = useStrip(strengths, isAwake);
  const press = useRef<number | undefined>(undefined);
  const card = vector.version.card;
  const onBlur = (event: FocusEvent<HTMLLIElement>) => {
    if (!event.currentTarget.contains(event.relatedTarget)) setAwake(false);
  };
  return (
    <li
      className={styles.slot}
      onPointerEnter={(event) => event.pointerType === "mouse" && setAwake(true)}
      onPointerLeave={() => {
        window.clearTimeout(press.current);
        setAwake(false);
      }}
      onPointerDown={(event) => {
        if (event.pointerType !== "mouse") {
          press.current = window.setTimeout(() => setAwake(true), LONG_PRESS_MS);
        }
      }}
      onPointerUp={() => window.clearTimeout(press.current)}
      onPointerCancel={() => window.clearTimeout(press.current)}
      onFocus={() => setAwake(true)}
      onBlur={onBlur}
    >
      <article
        className={styles.card}
        data-awake={isAwake || undefined}
        data-tried={isTried || undefined}
      >
        <Link
          to={`/library/${vector.id}`}
          className={styles.cardLink}
          aria-label={`${vector.title}, card`}
        >
          <StripPicture
            urls={vector.strip_urls}
            strengths={strengths}
            at={at}
            before={vector.before_url}
            isAwake={isAwake}
            onChoose={choose}
            title={vector.title}
          />
        </Link>
        <div className={styles.body}>
          <div className="at-spread">
            <h2 className="at-ellipsis" title={vector.title}>
              {vector.title}
            </h2>
            <span className="at-hint">v{vector.version.number}</span>
          </div>
          <div className={`at-spread ${styles.who}`}>
            <span className="at-row at-ellipsis">
              {vector.is_team ? <IconPeople size={15} /> : <IconWorld size={15} />}
              <span className="at-hidden">{vector.is_team ? "Team" : "Community"}, by</span>
              <span className="at-ellipsis">{vector.author.name}</span>
            </span>
            <span className={styles.counts}>
              <span className="at-row" title={counted(vector.num_uses, "use")}>
                <IconUsed size={15} />
                <span>{count(vector.num_uses)}</span>
                <span className="at-hidden">uses</span>
              </span>
              <Like vector={vector} />
            </span>
          </div>
          {card ? (
            <dl className={styles.figures}>
              {shortFigures(card).map((figure) => (
                <div
                  key={figure.short}
                  data-below={figure.isBelow || undefined}
                  title={figure.meaning}
                >
                  <dd>{figure.shown}</dd>
                  <dt>{figure.short}</dt>
                </div>
              ))}
            </dl>
          ) : (
            <p className={styles.pending}>Figures follow once it was measured.</p>
          )}
          <div className={styles.more}>
            {vector.strip_urls.length > 0 && (
              <div className={styles.strip}>
                {vector.strip_urls.map((url, index) => (
                  <button
                    key={url}
                    type="button"
                    tabIndex={isAwake ? 0 : -1}
                    aria-label={`At strength ${strength(strengths[index] ?? 0, 1)}`}
                    aria-pressed={index === at}
                    onClick={() => choose(index)}
                  >
                    <img src={url} alt="" />
                  </button>
                ))}
              </div>
            )}
            <div className={styles.actions}>
              <button
                type="button"
                className="at-button"
                data-filled
                tabIndex={isAwake ? 0 : -1}
                onClick={onTry}
              >
                Try on my picture
              </button>
              <button
                type="button"
                className="at-button"
                data-icon
                tabIndex={isAwake ? 0 : -1}
                aria-label={`Try ${vector.title} together with the others`}
                onClick={onAdd}
              >
                <IconPlus size={16} />
              </button>
              {action}
            </div>
          </div>
        </div>
      </article>
    </li>
  );
}
