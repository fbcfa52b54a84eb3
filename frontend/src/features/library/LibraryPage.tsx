/** Edit vectors of the team and the community: find one by typing or by part, see it play, try it. */

import { Drawer } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useRef, useState } from "react";
import { useSearchParams } from "react-router";

import {
  type LibraryFilter,
  type Scope,
  type Switch,
  type VectorSort,
  isNarrowed,
  readFilter,
  toggled,
  writeFilter,
} from "../../api/libraryFilter";
import { facetsQuery, sessionQuery, vectorsQuery } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconClose, IconFilter, IconSearch } from "../../ui/icons";
import { Segments } from "../../ui/Segments";
import { toast } from "../../ui/live";
import { count, counted, titled } from "../../ui/words";
import { CollectionsMenu } from "./CollectionsMenu";
import { Dock } from "./Dock";
import { Filters } from "./Filters";
import { PaintingSearchLink } from "./PaintingSearchLink";
import { VectorCard } from "./VectorCard";
import { tryAlone, tryTogether, useTryOut } from "./tryOut";
import styles from "./library.module.css";

const TYPING_MS = 180;
const SORTS: readonly { value: VectorSort; label: string }[] = [
  { value: "relevance", label: "Best match" },
  { value: "used", label: "Most used" },
  { value: "liked", label: "Most liked" },
  { value: "new", label: "Newest" },
  { value: "title", label: "By name" },
];

const SWITCH_WORDS: Readonly<Record<Switch, string>> = {
  mine: "My own",
  local: "Stays local",
  identity: "Keeps identity",
  works: "Works",
  commercial: "Commercial use",
  derivatives: "Changes allowed",
};

export default function LibraryPage() {
  const [search, setSearch] = useSearchParams();
  const filter = readFilter(search);
  const change = (next: LibraryFilter) => setSearch(writeFilter(next), { replace: true });
  const pages = useInfiniteQuery(vectorsQuery(filter));
  const { isOpen, stack } = useTryOut();
  const [isFiltering, setFiltering] = useState(false);
  const nearEnd = useNearEnd(() => {
    if (!pages.isFetching && !pages.isFetchNextPageError) void pages.fetchNextPage();
  });
  const vectors = pages.data?.pages.flatMap((page) => page.items) ?? [];
  const first = pages.data?.pages[0];
  const total = first?.total ?? 0;
  const shownTotal = `${first?.is_total_exact === false ? "More than " : ""}${counted(total, "vector")}`;

  return (
    <div className={styles.page} data-docked={isOpen || undefined}>
      <aside className={styles.filters} aria-label="Filters">
        <Filters filter={filter} onChange={change} />
      </aside>
      <section className={styles.main} aria-label="Vectors">
        <h1 className="at-hidden">Library</h1>
        <div className={styles.searchRow}>
          <SearchBox
            q={filter.q}
            onChange={(q) =>
              change({
                ...filter,
                q,
                sort: q && !filter.q ? "relevance" : !q ? "used" : filter.sort,
              })
            }
          />
          <PaintingSearchLink />
          <CollectionsMenu />
        </div>
        <div className={styles.head}>
          <Whose scope={filter.scope} filter={filter} onChange={change} />
          <strong aria-live="polite">{pages.isSuccess ? shownTotal : " "}</strong>
          {filter.parts.map((name) => (
            <Pill
              key={name}
              label={titled(name)}
              onClear={() => change({ ...filter, parts: toggled(filter.parts, name) })}
            />
          ))}
          {filter.tags.map((name) => (
            <Pill
              key={name}
              label={name}
              onClear={() => change({ ...filter, tags: toggled(filter.tags, name) })}
            />
          ))}
          {filter.on.map((name) => (
            <Pill
              key={name}
              label={SWITCH_WORDS[name]}
              onClear={() => change({ ...filter, on: toggled(filter.on, name) })}
            />
          ))}
          {isNarrowed(filter) && (
            <button type="button" className="at-link" onClick={() => setSearch({})}>
              Clear all
            </button>
          )}
          <span className={styles.gap} />
          <button
            type="button"
            className={`at-button ${styles.openFilters}`}
            onClick={() => setFiltering(true)}
          >
            <IconFilter size={16} /> Filters
          </button>
          <select
            className={styles.sort}
            aria-label="Order"
            value={filter.sort}
            onChange={(event) =>
              change({ ...filter, sort: event.currentTarget.value as VectorSort })
            }
          >
            {SORTS.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </div>
        {pages.error && vectors.length === 0 && (
          <ErrorNote error={pages.error} onRetry={() => void pages.refetch()} />
        )}
        <ul className={styles.grid} aria-busy={pages.isFetching}>
          {pages.isPending &&
            Array.from({ length: 8 }, (_, at) => (
              <li key={at} className={`at-ghost ${styles.ghost}`} />
            ))}
          {vectors.map((vector) => (
            <VectorCard
              key={vector.id}
              vector={vector}
              isTried={stack.some((tried) => tried.vector.id === vector.id)}
              onTry={() => tryAlone(vector)}
              onAdd={() => {
                if (!tryTogether(vector))
                  toast("A stack holds at most 8 vectors. Take one off first.");
              }}
            />
          ))}
        </ul>
        {pages.isSuccess && vectors.length === 0 && (
          <EmptyState
            icon={<IconSearch size={26} />}
            action={
              isNarrowed(filter) ? (
                <button type="button" className="at-button" onClick={() => setSearch({})}>
                  Show all vectors
                </button>
              ) : undefined
            }
          >
            {isNarrowed(filter)
              ? "No vector fits all of this. Take a filter away, or try another word."
              : "No vectors yet. Paint and optimize in the studio, then save the result as an edit vector."}
          </EmptyState>
        )}
        {pages.isFetchNextPageError && (
          <ErrorNote error={pages.error} onRetry={() => void pages.fetchNextPage()} />
        )}
        {pages.hasNextPage && (
          <div className={styles.next} ref={nearEnd}>
            <button
              type="button"
              className="at-button"
              disabled={pages.isFetchingNextPage}
              onClick={() => void pages.fetchNextPage()}
            >
              {pages.isFetchingNextPage ? "Reading more" : "Show more"}
            </button>
          </div>
        )}
      </section>
      {isOpen && <Dock />}
      <Drawer
        opened={isFiltering}
        onClose={() => setFiltering(false)}
        position="bottom"
        size="80%"
        title="Filters"
        closeButtonProps={{ "aria-label": "Close filters" }}
      >
        <Filters filter={filter} onChange={change} />
        <button
          type="button"
          className="at-button"
          data-filled
          data-size="main"
          style={{ width: "100%" }}
          onClick={() => setFiltering(false)}
        >
          Show {counted(total, "vector")}
        </button>
      </Drawer>
    </div>
  );
}

const AHEAD = "600px"; // read on before the end is in sight

/** Calls `run` when the element it is given comes near the window; the button stays a twin. */
function useNearEnd(run: () => void) {
  const latest = useRef(run);
  latest.current = run;
  return useCallback((element: HTMLElement | null) => {
    if (!element) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && latest.current(), {
      rootMargin: AHEAD,
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
}

/** Whose vectors: everybody's, the community's, or those of the person's team. */
function Whose({
  scope,
  filter,
  onChange,
}: {
  readonly scope: Scope;
  readonly filter: LibraryFilter;
  readonly onChange: (filter: LibraryFilter) => void;
}) {
  const { data: facets } = useQuery(facetsQuery(filter.q, filter.family));
  const { data: session } = useQuery(sessionQuery);
  const team = session?.teams.find((one) => one.id === session.team_id);
  const option = (value: Scope, label: string, number: number | undefined) => ({
    value,
    label: (
      <>
        <span className="at-ellipsis">{label}</span>
        {number !== undefined && <span className="at-hint">{count(number)}</span>}
      </>
    ),
  });
  return (
    <div className={styles.whose}>
      <Segments
        label="Whose vectors"
        value={scope}
        options={[
          option("all", "All", facets?.total),
          option("community", "Community", facets?.community),
          option("team", team?.name ?? "My team", facets?.team),
        ]}
        onChange={(next) => onChange({ ...filter, scope: next })}
      />
    </div>
  );
}

function SearchBox({
  q,
  onChange,
}: {
  readonly q: string;
  readonly onChange: (q: string) => void;
}) {
  const [typed, setTyped] = useState(q);
  const field = useRef<HTMLInputElement>(null);
  const latest = useRef(onChange);
  latest.current = onChange;
  const [last, setLast] = useState(q);
  if (q !== last) {
    // The address changed by other means, such as Back or "Clear all".
    setLast(q);
    if (q !== typed.trim()) setTyped(q);
  }
  useEffect(() => {
    if (typed.trim() === q) return;
    const timer = window.setTimeout(() => latest.current(typed.trim()), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [typed, q]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || target.closest("input, textarea, select, [contenteditable]")) return;
      event.preventDefault();
      field.current?.focus();
      field.current?.select();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
  return (
    <label className={styles.search}>
      <IconSearch size={18} />
      <span className="at-hidden">Search vectors</span>
      <input
        ref={field}
        type="search"
        placeholder="Search vectors by name, tag or person"
        value={typed}
        maxLength={200}
        aria-keyshortcuts="/"
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <kbd className="at-kbd" aria-hidden>
        /
      </kbd>
    </label>
  );
}

function Pill({ label, onClear }: { readonly label: string; readonly onClear: () => void }) {
  return (
    <button
      type="button"
      className="at-chip"
      data-on
      onClick={onClear}
      aria-label={`Without ${label}`}
    >
      {label} <IconClose size={13} />
    </button>
  );
}
