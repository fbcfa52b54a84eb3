/** Apply vectors to an album: choose many pictures, then let them be worked through. */

import { useInfiniteQuery, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";

import { type VectorUse, api, take } from "../../api/client";
import { imagePagesQuery } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck, IconPicture, IconSearch } from "../../ui/icons";
import { counted } from "../../ui/words";
import { versionsQuery } from "../studio/data";
import { StackList } from "./StackList";
import { readUses, writeUses } from "./uses";
import styles from "./albums.module.css";

const MOST_PICTURES = 500;

export default function NewRunPage() {
  const [search, setSearch] = useSearchParams();
  const navigate = useNavigate();
  const uses = readUses(search);
  const setUses = (next: VectorUse[]) => setSearch(writeUses(next), { replace: true });
  const vectors = useQuery(versionsQuery(uses.map((use) => use.edit_vector_version_id).sort()));
  const bundle = vectors.data?.[0]?.bundle;
  const pages = useInfiniteQuery(imagePagesQuery(""));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const fitting = (pages.data?.pages.flatMap((page) => page.items) ?? []).filter(
    (image) => image.status === "ready" && (bundle === undefined || image.bundle === bundle),
  );
  const areAll = fitting.length > 0 && fitting.every(({ id }) => chosen.has(id));
  const toggle = (id: string) => {
    const next = new Set(chosen);
    if (!next.delete(id)) next.add(id);
    setChosen(next);
  };
  const start = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/album-runs", {
          body: { image_ids: [...chosen], stack: uses },
        }),
      ),
    onSuccess: ({ run }) => navigate(`/album-runs/${run.id}`),
  });

  if (uses.length === 0) {
    return (
      <div className={styles.page}>
        <h1>Apply to an album</h1>
        <EmptyState
          icon={<IconSearch size={26} />}
          action={
            <Link className="at-button" data-filled data-size="main" to="/library">
              Open the library
            </Link>
          }
        >
          Choose the vectors first: try one on your picture in the library, then apply it to an
          album.
        </EmptyState>
      </div>
    );
  }
  return (
    <div className={styles.page}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/library">Library</Link> / <Link to="/album-runs">Albums</Link> /{" "}
        <span aria-current="page">New</span>
      </nav>
      <h1>Apply to an album</h1>
      {vectors.error && !vectors.data && (
        <ErrorNote error={vectors.error} onRetry={() => void vectors.refetch()} />
      )}
      <StackList uses={uses} vectors={vectors.data ?? []} onChange={setUses} />
      <div className="at-spread">
        <h2>To which pictures?</h2>
        <button
          type="button"
          className="at-button"
          disabled={fitting.length === 0}
          onClick={() => setChosen(areAll ? new Set() : new Set(fitting.map(({ id }) => id)))}
        >
          {areAll ? "Choose none" : `Choose all ${fitting.length}`}
        </button>
      </div>
      {pages.error && fitting.length === 0 && (
        <ErrorNote error={pages.error} onRetry={() => void pages.refetch()} />
      )}
      <ul className={styles.grid} aria-busy={pages.isPending}>
        {pages.isPending &&
          Array.from({ length: 8 }, (_, at) => (
            <li key={at} className={`at-ghost ${styles.ghost}`} />
          ))}
        {fitting.map((image) => (
          <li key={image.id}>
            <button
              type="button"
              className={styles.tile}
              aria-pressed={chosen.has(image.id)}
              onClick={() => toggle(image.id)}
            >
              {image.thumbnail_url && <img src={image.thumbnail_url} alt="" loading="lazy" />}
              <span className={styles.tick} aria-hidden>
                <IconCheck size={14} />
              </span>
              <span className="at-ellipsis">{image.name}</span>
            </button>
          </li>
        ))}
      </ul>
      {pages.isSuccess && fitting.length === 0 && (
        <EmptyState icon={<IconPicture size={26} />}>
          No picture fits these vectors yet. Add pictures of their family first.
        </EmptyState>
      )}
      {pages.hasNextPage && (
        <button
          type="button"
          className={`at-button ${styles.more}`}
          disabled={pages.isFetchingNextPage}
          onClick={() => void pages.fetchNextPage()}
        >
          Show more pictures
        </button>
      )}
      <footer className={styles.foot}>
        {start.error && <ErrorNote error={start.error} />}
        <div className="at-spread">
          <span aria-live="polite">
            {chosen.size > MOST_PICTURES
              ? `At most ${MOST_PICTURES} pictures at once; ${chosen.size} are chosen.`
              : `${counted(chosen.size, "picture")} chosen. Each gets a new revision.`}
          </span>
          <button
            type="button"
            className="at-button"
            data-filled
            data-size="main"
            disabled={chosen.size === 0 || chosen.size > MOST_PICTURES || start.isPending}
            onClick={() => start.mutate()}
          >
            Apply to {counted(chosen.size, "picture")}
          </button>
        </div>
      </footer>
    </div>
  );
}
