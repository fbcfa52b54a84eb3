/** All pictures of the team: open one, add one, drop a file anywhere. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Link, useSearchParams } from "react-router";

import { imagePagesQuery } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconPicture, IconPlus, IconSearch, IconUpload } from "../../ui/icons";
import { useNow } from "../../ui/useNow";
import { CropDialog } from "./CropDialog";
import { PictureCard } from "./PictureCard";
import { ACCEPTED } from "./file";
import { chooseFile, startUpload } from "./uploads";
import styles from "./gallery.module.css";

export default function GalleryPage() {
  const [search, setSearch] = useSearchParams();
  const q = search.get("q") ?? "";
  const pages = useInfiniteQuery(imagePagesQuery(q));
  const now = useNow();
  const isOver = useFileDrop();
  const images = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const isEmpty = pages.data !== undefined && images.length === 0;

  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <h1>Pictures</h1>
        <Link className={styles.families} to="/families">
          Families
        </Link>
        <label className={styles.search}>
          <IconSearch size={17} />
          <span className="at-hidden">Search pictures</span>
          <input
            type="search"
            placeholder="Search by name or person"
            value={q}
            onChange={(event) => {
              const next = event.currentTarget.value;
              setSearch(next ? { q: next } : {}, { replace: true });
            }}
          />
        </label>
      </header>
      {pages.error && images.length === 0 ? (
        <ErrorNote error={pages.error} onRetry={() => void pages.refetch()} />
      ) : (
        <ul className={styles.grid} aria-busy={pages.isPending}>
          {!q && (
            <li>
              <button type="button" className={styles.new} onClick={() => chooseFile(ACCEPTED)}>
                <span className={styles.plus}>
                  <IconPlus size={22} />
                </span>
                <strong>New picture</strong>
                <span className="at-hint">PNG, JPEG or WebP, or drop a file anywhere</span>
              </button>
            </li>
          )}
          {pages.isPending &&
            Array.from({ length: 9 }, (_, at) => (
              <li key={at} className={`at-ghost ${styles.ghost}`} />
            ))}
          {images.map((image) => (
            <PictureCard key={image.id} image={image} now={now} />
          ))}
        </ul>
      )}
      {isEmpty && (
        <EmptyState
          icon={<IconPicture size={28} />}
          action={
            q ? (
              <button type="button" className="at-button" onClick={() => setSearch({})}>
                Show all pictures
              </button>
            ) : (
              <button
                type="button"
                className="at-button"
                data-filled
                data-size="main"
                onClick={() => chooseFile(ACCEPTED)}
              >
                Choose a picture
              </button>
            )
          }
        >
          {q ? `No picture is called “${q}”.` : "Open a sample, or drop a picture of your own."}
        </EmptyState>
      )}
      {pages.hasNextPage && (
        <div className={styles.more}>
          <button
            type="button"
            className="at-button"
            disabled={pages.isFetchingNextPage}
            onClick={() => void pages.fetchNextPage()}
          >
            Show more
          </button>
        </div>
      )}
      {isOver && (
        <div className={styles.drop} aria-hidden>
          <div>
            <IconUpload size={30} />
            <strong>Drop the picture</strong>
          </div>
        </div>
      )}
      <CropDialog />
    </div>
  );
}

/** Whether a file hovers over the page; dropped, it becomes an upload. */
function useFileDrop(): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFile = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const enter = (event: DragEvent) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      depth += 1;
      setOver(true);
    };
    const over = (event: DragEvent) => {
      if (hasFile(event)) event.preventDefault();
    };
    const leave = (event: DragEvent) => {
      if (!hasFile(event)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      const file = event.dataTransfer?.files[0];
      if (file) startUpload(file);
    };
    window.addEventListener("dragenter", enter);
    window.addEventListener("dragover", over);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    return () => {
      window.removeEventListener("dragenter", enter);
      window.removeEventListener("dragover", over);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
    };
  }, []);
  return isOver;
}
