/** One collection: the vectors in it, and the whole of it as one file. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import { api, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { collectionQuery, keys } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconClose, IconDownload, IconFolder, IconPen, IconTrash } from "../../ui/icons";
import { toast } from "../../ui/live";
import { counted } from "../../ui/words";
import { Dock } from "./Dock";
import { VectorCard } from "./VectorCard";
import { tryAlone, tryTogether, useTryOut } from "./tryOut";
import styles from "./library.module.css";

export default function CollectionPage() {
  const { collectionId = "" } = useParams();
  const client = useQueryClient();
  const navigate = useNavigate();
  const { isOpen, stack } = useTryOut();
  const { data, error, refetch } = useQuery(collectionQuery(collectionId));
  const [isNaming, setNaming] = useState(false);
  const ofCollection = { path: { collection_id: collectionId } };
  const refresh = () => client.invalidateQueries({ queryKey: keys.library });
  const complain = (problem: unknown) => toast(asProblem(problem).message);
  const rename = useMutation({
    mutationFn: (title: string) =>
      take(
        api.PATCH("/api/collections/{collection_id}", { params: ofCollection, body: { title } }),
      ),
    onSuccess: refresh,
    onError: complain,
  });
  const itemOf = (id: string) => ({ path: { ...ofCollection.path, edit_vector_id: id } });
  const putBack = useMutation({
    mutationFn: (id: string) =>
      take(
        api.PUT("/api/collections/{collection_id}/items/{edit_vector_id}", { params: itemOf(id) }),
      ),
    onSuccess: refresh,
    onError: complain,
  });
  const takeOut = useMutation({
    mutationFn: ({ id }: { id: string; title: string }) =>
      take(
        api.DELETE("/api/collections/{collection_id}/items/{edit_vector_id}", {
          params: itemOf(id),
        }),
      ),
    onSuccess: async (_, { id, title }) => {
      toast(`Taken out: ${title}.`, { label: "Undo", run: () => putBack.mutate(id) });
      await refresh();
    },
    onError: complain,
  });
  const onName = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget).get("title") ?? "").trim();
    setNaming(false);
    if (title && title !== data?.collection.title) rename.mutate(title);
  };
  const remove = useMutation({
    mutationFn: () =>
      take(
        api.DELETE("/api/collections/{collection_id}", {
          params: ofCollection,
        }),
      ),
    onSuccess: async () => {
      toast("Collection removed. Its vectors stay in the library.");
      await navigate("/library/collections");
      await client.invalidateQueries({ queryKey: keys.library });
    },
    onError: complain,
  });
  if (error && !data) {
    return (
      <div className="at-column">
        <ErrorNote error={error} onRetry={() => void refetch()} />
      </div>
    );
  }
  const collection = data?.collection;
  return (
    <div className={styles.collection} data-docked={isOpen || undefined}>
      <section className={styles.main} aria-label="Collection">
        <nav className={styles.crumbs} aria-label="Where you are">
          <Link to="/library">Library</Link> / <Link to="/library/collections">Collections</Link> /{" "}
          <span aria-current="page">{collection?.title ?? "…"}</span>
        </nav>
        <header className={styles.vectorHead}>
          <div>
            {isNaming && collection ? (
              <form onSubmit={onName}>
                <input
                  name="title"
                  className="at-field"
                  aria-label="Name of the collection"
                  defaultValue={collection.title}
                  maxLength={120}
                  autoFocus
                  onFocus={(event) => event.currentTarget.select()}
                  onBlur={(event) => event.currentTarget.form?.requestSubmit()}
                  onKeyDown={(event) => event.key === "Escape" && setNaming(false)}
                />
              </form>
            ) : (
              <h1>{collection?.title ?? " "}</h1>
            )}
            {collection && (
              <p className="at-hint">
                {counted(collection.num_vectors, "vector")} · {collection.owner.name} ·{" "}
                {collection.is_personal ? "only you see it" : "for the team"}
              </p>
            )}
          </div>
          <div className={styles.buttons}>
            <a
              className="at-button"
              data-size="main"
              href={`/api/collections/${collectionId}/file`}
              download
            >
              <IconDownload size={16} /> Export
            </a>
            {collection?.is_own && (
              <>
                <button
                  type="button"
                  className="at-button"
                  data-size="main"
                  onClick={() => setNaming(true)}
                >
                  <IconPen size={16} /> Rename
                </button>
                <button
                  type="button"
                  className="at-button"
                  data-size="main"
                  onClick={() => remove.mutate()}
                >
                  <IconTrash size={16} /> Remove collection
                </button>
              </>
            )}
          </div>
        </header>
        <ul className={styles.grid} aria-busy={!data}>
          {!data &&
            Array.from({ length: 4 }, (_, at) => (
              <li key={at} className={`at-ghost ${styles.ghost}`} />
            ))}
          {data?.items.map((vector) => (
            <VectorCard
              key={vector.id}
              vector={vector}
              isTried={stack.some((tried) => tried.vector.id === vector.id)}
              onTry={() => tryAlone(vector)}
              action={
                <button
                  type="button"
                  className="at-button"
                  data-icon
                  aria-label={`Take ${vector.title} out of the collection`}
                  title="Take out of the collection"
                  onClick={() => takeOut.mutate(vector)}
                >
                  <IconClose size={16} />
                </button>
              }
              onAdd={() => {
                if (!tryTogether(vector)) toast("A stack holds at most 8 vectors.");
              }}
            />
          ))}
        </ul>
        {data?.items.length === 0 && (
          <EmptyState icon={<IconFolder size={26} />}>
            Nothing in it yet. Open a vector and add it to this collection.
          </EmptyState>
        )}
      </section>
      {isOpen && <Dock />}
    </div>
  );
}
