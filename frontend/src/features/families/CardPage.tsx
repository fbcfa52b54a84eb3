/** What is a family, measured? Its pictures, parts, figures, and what it was made from. */

import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link, useParams } from "react-router";

import { ErrorNote } from "../../ui/ErrorNote";
import { Swatch } from "../../ui/Swatch";
import { cardQuery } from "./data";
import { shownFigures } from "./figures";
import { Reconstructions } from "./Reconstructions";
import styles from "./families.module.css";

const SOURCES = {
  shipped: "Comes with Atelier",
  checkpoint: "An imported generator",
  pictures: "Trained from pictures here",
} as const;

export default function CardPage() {
  const { name = "" } = useParams();
  const { data: card, error, refetch } = useQuery(cardQuery(name));
  useEffect(() => {
    if (card) document.title = `${card.title} · Atelier`;
  }, [card]);
  if (error && !card) {
    return (
      <div className={styles.page}>
        <ErrorNote error={error} onRetry={() => void refetch()} />
      </div>
    );
  }
  if (!card) {
    return (
      <div className={styles.page}>
        <div className="at-ghost" style={{ height: 420 }} />
      </div>
    );
  }
  const facts: [string, string][] = [
    ["Pictures", `${card.resolution} × ${card.resolution} pixels`],
    ["Made from", SOURCES[card.source]],
    ...(card.num_labels === null
      ? []
      : [["Labelled by hand", `${card.num_labels} pictures`] as [string, string]]),
    ...(card.made_by ? [["Made by", card.made_by.name] as [string, string]] : []),
    ["Licence", card.license || "Not stated"],
    ["Version", String(card.version)],
  ];
  return (
    <div className={styles.page}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/families">Families</Link> / <span aria-current="page">{card.title}</span>
      </nav>
      <header className={styles.head}>
        <div>
          <h1>{card.title}</h1>
          {card.description && <p className={styles.lead}>{card.description}</p>}
        </div>
        {card.project_id && (
          <Link className="at-button" to={`/families/${card.project_id}`}>
            How it is made
          </Link>
        )}
      </header>
      <ul className={styles.wall} aria-label="Pictures of this family">
        {card.sample_urls.map((url, at) => (
          <li key={url}>
            <img src={url} alt={`Picture ${at + 1}`} loading="lazy" />
          </li>
        ))}
      </ul>
      <div className={styles.two}>
        <section className={styles.panel}>
          <h2>{card.parts.length} parts</h2>
          <ul className={styles.palette}>
            {card.parts.map((part) => (
              <li key={part.id}>
                <Swatch color={part.color} /> {part.title}
              </li>
            ))}
          </ul>
        </section>
        <section className={styles.panel}>
          <h2>What it is</h2>
          <dl className={styles.facts}>
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          {Object.keys(card.figures).length > 0 && (
            <>
              <h2>Measured</h2>
              <dl className={styles.facts}>
                {shownFigures(card.figures).map(({ name, title, words }) => (
                  <div key={name}>
                    <dt>{title}</dt>
                    <dd>{words}</dd>
                  </div>
                ))}
              </dl>
            </>
          )}
        </section>
      </div>
      {card.sentences.length > 0 && (
        <section className={styles.section}>
          <h2>What to know</h2>
          <ul className={styles.sentences}>
            {card.sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </section>
      )}
      {card.reconstructions.length > 0 && (
        <section className={styles.section}>
          <h2>Pictures of people, redrawn</h2>
          <Reconstructions items={card.reconstructions} />
        </section>
      )}
    </div>
  );
}
