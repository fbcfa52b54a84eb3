/** One collection: the vectors in it, and the whole of it as one file. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";

import { api, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { collectionQuery, keys } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconDownload, IconFolder, IconTrash } from "../../ui/icons";
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
  const remove = useMutation({
    mutationFn: () =>
      take(
        api.DELETE("/api/collections/{collection_id}", {
          params: { path: { collection_id: collectionId } },
        }),
      ),
    onSuccess: async () => {
      await navigate("/library");
      await client.invalidateQueries({ queryKey: keys.library });
    },
    onError: (problem) => toast(asProblem(problem).message),
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
          <Link to="/library">Library</Link> /{" "}
          <span aria-current="page">{collection?.title ?? "…"}</span>
        </nav>
        <header className={styles.vectorHead}>
          <div>
            <h1>{collection?.title ?? " "}</h1>
            {collection && (
              <p className="at-hint">
                {counted(collection.num_vectors, "vector")} · {collection.owner.name} ·{" "}
                {collection.is_personal ? "only you see it" : "your team's"}
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
              <button
                type="button"
                className="at-button"
                data-size="main"
                onClick={() => remove.mutate()}
              >
                <IconTrash size={16} /> Remove collection
              </button>
            )}
          </div>
        </header>
        <ul className={styles.grid}>
          {data?.items.map((vector) => (
            <VectorCard
              key={vector.id}
              vector={vector}
              isTried={stack.some((tried) => tried.vector.id === vector.id)}
              onTry={() => tryAlone(vector)}
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
