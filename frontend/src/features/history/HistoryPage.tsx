/** What happened to a picture: its revisions as a tree, two of them compared, one explained. */

import { useMantineColorScheme } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router";

import { PersonMenu } from "../../app/PersonMenu";
import { type Revision, api, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { familiesQuery, imageQuery, keys, revisionsQuery, sessionQuery } from "../../api/queries";
import { CompareSlider } from "../../ui/CompareSlider";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { HeatLegend } from "../../ui/HeatLegend";
import { Segments } from "../../ui/Segments";
import {
  IconBack,
  IconCompare,
  IconHistory,
  IconPen,
  IconStar,
  IconStarFull,
  Mark,
} from "../../ui/icons";
import { toast } from "../../ui/live";
import { useNow } from "../../ui/useNow";
import { counted, percent, strength, when } from "../../ui/words";
import { RevisionTree } from "./RevisionTree";
import { GAIN } from "./difference";
import { defaultPair, layTree } from "./tree";
import { type Compared, useDifference } from "./useDifference";
import { figureRows, kindLong, titleOf } from "./words";
import styles from "./history.module.css";

type View = "slider" | "side" | "difference";
const VIEWS: readonly { value: View; label: ReactNode }[] = [
  {
    value: "slider",
    label: (
      <>
        <IconCompare size={16} /> Slider
      </>
    ),
  },
  { value: "side", label: "Side by side" },
  { value: "difference", label: "Difference" },
];

export default function HistoryPage() {
  const { imageId = "" } = useParams();
  const [search, setSearch] = useSearchParams();
  const { colorScheme } = useMantineColorScheme();
  const image = useQuery(imageQuery(imageId));
  const history = useQuery(revisionsQuery(imageId));
  const { data: session } = useQuery(sessionQuery);
  const now = useNow();

  const revisions = history.data ?? [];
  const pair = defaultPair(revisions, search.get("a"), search.get("b"));
  const view = VIEWS.find(({ value }) => value === search.get("view"))?.value ?? "slider";
  const a = revisions.find((one) => one.id === pair.a) ?? null;
  const b = revisions.find((one) => one.id === pair.b) ?? null;
  const compared = useDifference(a?.picture_url ?? null, b?.picture_url ?? null);
  const set = (changes: Record<string, string>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(changes)) next.set(name, value);
    setSearch(next, { replace: true });
  };
  const error = image.error ?? history.error;
  const tree = layTree(revisions);
  return (
    <div className={styles.page} data-at-theme={colorScheme === "light" ? "light" : "dark"}>
      <header className={styles.bar}>
        <Link to="/pictures" aria-label="To your pictures" className={styles.mark}>
          <Mark />
        </Link>
        <Link
          to={`/pictures/${imageId}`}
          className="at-button"
          data-quiet
          data-icon
          aria-label="Back to the studio"
        >
          <IconBack />
        </Link>
        <div className={styles.name}>
          <h1 className="at-ellipsis">{image.data?.name ?? ""}</h1>
          <span className="at-hint">
            History
            {history.data
              ? ` · ${counted(revisions.length, "revision")}, ${counted(tree.branches, "branch", "branches")}`
              : ""}
          </span>
        </div>
        <div className={styles.views}>
          <Segments
            label="Compare as"
            value={view}
            options={VIEWS}
            onChange={(next) => set({ view: next })}
          />
        </div>
        <div className={styles.barEnd}>
          <Link to={`/pictures/${imageId}`} className="at-button">
            Open in studio
          </Link>
          {session?.user && <PersonMenu person={session.user} />}
        </div>
      </header>
      {error && !history.data ? (
        <main className={styles.trouble}>
          <p style={{ marginBottom: 16 }}>
            <Link to="/pictures">To your pictures</Link>
          </p>
          <ErrorNote
            error={error}
            onRetry={() => {
              void image.refetch();
              void history.refetch();
            }}
          />
        </main>
      ) : (
        <main className={styles.columns}>
          <section className={styles.treeColumn} aria-label="Revisions">
            {history.isPending && <div className="at-ghost" style={{ height: 400, margin: 20 }} />}
            {history.isSuccess && revisions.length === 0 && (
              <EmptyState icon={<IconHistory size={26} />}>
                No revision yet. The first one comes when your picture is in focus.
              </EmptyState>
            )}
            <RevisionTree
              revisions={revisions}
              a={pair.a}
              b={pair.b}
              now={now}
              onChoose={(id, side) =>
                set(side === "a" ? { a: id, b: pair.b ?? id } : { a: pair.a ?? id, b: id })
              }
            />
            {revisions.length > 1 && (
              <p className={`at-hint ${styles.how}`}>
                Click shows a revision as B, Shift and click as A.
              </p>
            )}
          </section>
          <section className={styles.stage} aria-label="Comparison">
            {a && b && <Comparison a={a} b={b} view={view} compared={compared} />}
          </section>
          <aside className={styles.facts} aria-label="About B">
            {b && (
              <Facts
                key={b.id}
                revision={b}
                isAlsoA={a?.id === b.id}
                now={now}
                compared={compared}
                bundle={image.data?.bundle ?? ""}
                onCompareWith={() => set({ a: b.id, b: pair.b ?? b.id })}
              />
            )}
          </aside>
        </main>
      )}
    </div>
  );
}

function Comparison({
  a,
  b,
  view,
  compared,
}: {
  readonly a: Revision;
  readonly b: Revision;
  readonly view: View;
  readonly compared: Compared;
}) {
  const label = (letter: string, revision: Revision) => (
    <>
      <span className="at-letter">{letter}</span>
      <span className="at-ellipsis">{titleOf(revision)}</span>
    </>
  );
  return (
    <>
      <div className={styles.pictures} data-view={view}>
        {a.id === b.id && (
          <figure className={styles.one}>
            <img src={b.picture_url} alt={titleOf(b)} />
          </figure>
        )}
        {a.id !== b.id && view === "slider" && (
          <CompareSlider
            key={`${a.id}${b.id}`}
            before={a.picture_url}
            after={b.picture_url}
            beforeLabel={label("A", a)}
            afterLabel={label("B", b)}
            beforeName={`A, ${titleOf(a)}`}
            afterName={`B, ${titleOf(b)}`}
            hasKeyline
            knobAt={0.925}
          />
        )}
        {a.id !== b.id &&
          view === "side" &&
          [["A", a] as const, ["B", b] as const].map(([letter, revision]) => (
            <figure key={letter} className={styles.one}>
              <img src={revision.picture_url} alt={`${letter}, ${titleOf(revision)}`} />
              <span className="at-compare-label" style={{ left: 12 }}>
                {label(letter, revision)}
              </span>
            </figure>
          ))}
        {a.id !== b.id && view === "difference" && (
          <figure className={styles.one}>
            <Heat
              compared={compared}
              label={`Difference between ${titleOf(a)} and ${titleOf(b)}`}
            />
          </figure>
        )}
      </div>
      <p className={styles.below}>
        {a.id === b.id && <span>Choose a second revision to compare this one with.</span>}
        {a.id !== b.id && compared.state === "done" && (
          <span title="Pixels that differ by more than 4 % of the range">
            <strong>{percent(compared.result.changedShare, 1)}</strong> of pixels changed
          </span>
        )}
        {a.id !== b.id && view === "difference" && <HeatLegend gain={GAIN} />}
      </p>
    </>
  );
}

function Heat({ compared, label }: { readonly compared: Compared; readonly label: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context || compared.state !== "done") return;
    context.putImageData(
      new ImageData(compared.result.pixels, compared.width, compared.height),
      0,
      0,
    );
  }, [compared]);
  if (compared.state === "failed") {
    return (
      <p className="at-hint">The two pictures could not be compared. Load the page again to try.</p>
    );
  }
  if (compared.state === "reading") return <div className={styles.heat} />;
  return (
    <canvas
      ref={canvas}
      width={compared.width}
      height={compared.height}
      className={styles.heat}
      role="img"
      aria-label={label}
    />
  );
}

function Facts({
  revision,
  isAlsoA,
  now,
  compared,
  bundle,
  onCompareWith,
}: {
  readonly revision: Revision;
  readonly isAlsoA: boolean;
  readonly now: Date;
  readonly compared: Compared;
  readonly bundle: string;
  readonly onCompareWith: () => void;
}) {
  const client = useQueryClient();
  const { data: families } = useQuery(familiesQuery);
  const [isNaming, setNaming] = useState(false);
  const params = { path: { revision_id: revision.id } };
  const family = families?.find((one) => one.name === bundle);
  const change = useMutation({
    mutationFn: (body: { title?: string; starred?: boolean }) =>
      take(api.PATCH("/api/revisions/{revision_id}", { params, body })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.images }),
    onError: (error) => toast(asProblem(error).message),
  });
  const restore = useMutation({
    mutationFn: () => take(api.POST("/api/revisions/{revision_id}/restore", { params })),
    onSuccess: async () => {
      toast(`Restored: ${titleOf(revision)}.`);
      await client.invalidateQueries({ queryKey: keys.images });
    },
    onError: (error) => toast(asProblem(error).message),
  });
  const onName = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget).get("title") ?? "").trim();
    setNaming(false);
    if (title !== titleOf(revision)) change.mutate({ title });
  };
  const figures = figureRows(revision.figures);
  return (
    <>
      <div className={styles.section}>
        <div className="at-row">
          <span className="at-letter">B</span>
          {isNaming ? (
            <form onSubmit={onName} style={{ flex: 1 }}>
              <input
                name="title"
                className="at-field"
                aria-label="Name of the revision"
                defaultValue={titleOf(revision)}
                maxLength={120}
                autoFocus
                onFocus={(event) => event.currentTarget.select()}
                onBlur={(event) => event.currentTarget.form?.requestSubmit()}
                onKeyDown={(event) => event.key === "Escape" && setNaming(false)}
              />
            </form>
          ) : (
            <h2 className="at-ellipsis" style={{ flex: 1 }}>
              {titleOf(revision)}
            </h2>
          )}
          <button
            type="button"
            className="at-button"
            data-quiet
            data-icon
            data-size="small"
            aria-label="Rename"
            onClick={() => setNaming(true)}
          >
            <IconPen size={15} />
          </button>
          <button
            type="button"
            className="at-button"
            data-quiet
            data-icon
            data-size="small"
            aria-pressed={revision.starred}
            aria-label="Star"
            onClick={() => change.mutate({ starred: !revision.starred })}
          >
            {revision.starred ? (
              <IconStarFull size={16} className={styles.star} />
            ) : (
              <IconStar size={16} />
            )}
          </button>
        </div>
        <p className="at-hint">
          {revision.author.name} · {when(revision.created_at, now)}
        </p>
        <div className={styles.actions}>
          <button
            type="button"
            className="at-button"
            data-filled
            disabled={revision.is_head || restore.isPending}
            onClick={() => restore.mutate()}
          >
            <IconHistory size={16} /> Restore
          </button>
          <button type="button" className="at-button" disabled={isAlsoA} onClick={onCompareWith}>
            Show as A
          </button>
        </div>
        <p className="at-hint">
          {revision.is_head
            ? "This is the picture as it is now."
            : "Restoring adds a new revision. Nothing is lost."}
        </p>
      </div>
      <div className={styles.section}>
        <h2>What made it</h2>
        <dl className={styles.table}>
          <dt>Kind</dt>
          <dd>{kindLong(revision)}</dd>
          {revision.stack.length > 0 && (
            <>
              <dt>Vectors</dt>
              <dd>
                {revision.stack.map((use) => (
                  <div key={use.edit_vector_version_id}>
                    {use.title ?? "A removed vector"} at {strength(use.strength)}
                  </div>
                ))}
              </dd>
            </>
          )}
          {family && (
            <>
              <dt>Model</dt>
              <dd>
                {family.name} · {family.fingerprint.slice(0, 4)}
              </dd>
              <dt>Label map</dt>
              <dd>
                kept, {family.label_size} × {family.label_size}
              </dd>
            </>
          )}
          {figures.map(({ name, shown }) => (
            <div key={name} className={styles.pair}>
              <dt>{name}</dt>
              <dd>{shown}</dd>
            </div>
          ))}
        </dl>
      </div>
      {!isAlsoA && (
        <div className={styles.section}>
          <div className="at-spread">
            <h2>Difference</h2>
            <span className="at-hint">×{GAIN}</span>
          </div>
          <div className={styles.small}>
            <Heat compared={compared} label="Difference between A and B" />
            <div className={styles.legend}>
              <span>strong</span>
              <i />
              <span>none</span>
            </div>
          </div>
        </div>
      )}
    </>
  );
}
