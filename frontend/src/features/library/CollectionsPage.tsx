/** The collections of the team and one's own: begin one, open one, take one in or out as a file. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useNavigate } from "react-router";

import { api, take } from "../../api/client";
import { collectionsQuery, keys } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { Segments } from "../../ui/Segments";
import { IconDownload, IconFolder, IconPlus } from "../../ui/icons";
import { counted } from "../../ui/words";
import { ImportButton } from "./ImportButton";
import styles from "./library.module.css";

export default function CollectionsPage() {
  const { data, error, refetch, isPending } = useQuery(collectionsQuery);
  const [isBeginning, setBeginning] = useState(false);
  return (
    <div className={styles.vector}>
      <nav className={styles.crumbs} aria-label="Where you are">
        <Link to="/library">Library</Link> / <span aria-current="page">Collections</span>
      </nav>
      <header className={styles.vectorHead}>
        <h1>Collections</h1>
        <div className={styles.buttons}>
          <ImportButton />
          <button
            type="button"
            className="at-button"
            data-filled
            data-size="main"
            aria-expanded={isBeginning}
            onClick={() => setBeginning(!isBeginning)}
          >
            <IconPlus size={16} /> New collection
          </button>
        </div>
      </header>
      {isBeginning && <BeginForm onDone={() => setBeginning(false)} />}
      {error && !data && <ErrorNote error={error} onRetry={() => void refetch()} />}
      {isPending && !error && <div className="at-ghost" style={{ height: 260 }} />}
      {data?.length === 0 && !isBeginning && (
        <EmptyState icon={<IconFolder size={26} />}>
          No collections yet. Begin one, and put vectors into it from their pages; a collection is
          also one file to keep or to pass on.
        </EmptyState>
      )}
      <ul className={styles.collections}>
        {data?.map((one) => (
          <li key={one.id}>
            <Link to={`/library/collections/${one.id}`}>
              <IconFolder size={20} />
              <span>
                <strong>{one.title}</strong>
                <span className="at-hint">
                  {counted(one.num_vectors, "vector")} ·{" "}
                  {one.is_personal ? "only you see it" : `team, begun by ${one.owner.name}`}
                </span>
              </span>
            </Link>
            <a
              className="at-button"
              data-quiet
              data-icon
              aria-label={`Export ${one.title}`}
              title="Export as one file"
              href={`/api/collections/${one.id}/file`}
              download
            >
              <IconDownload size={16} />
            </a>
          </li>
        ))}
      </ul>
    </div>
  );
}

function BeginForm({ onDone }: { readonly onDone: () => void }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [whose, setWhose] = useState<"team" | "me">("team");
  const begin = useMutation({
    mutationFn: (title: string) =>
      take(
        api.POST("/api/collections", {
          body: { title, description: "", is_personal: whose === "me" },
        }),
      ),
    onSuccess: async ({ collection }) => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.collections });
      await navigate(`/library/collections/${collection.id}`);
    },
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const title = String(new FormData(event.currentTarget).get("title") ?? "").trim();
    if (title) begin.mutate(title);
  };
  return (
    <form className={styles.begin} onSubmit={onSubmit}>
      <label>
        <span className="at-label">Name</span>
        <input name="title" className="at-field" required maxLength={120} autoFocus />
      </label>
      <div>
        <span className="at-label">Who sees it</span>
        <Segments
          label="Who sees it"
          value={whose}
          options={[
            { value: "team", label: "My team" },
            { value: "me", label: "Only me" },
          ]}
          onChange={setWhose}
        />
      </div>
      <button type="submit" className="at-button" data-filled disabled={begin.isPending}>
        Begin
      </button>
      {begin.error && <ErrorNote error={begin.error} />}
    </form>
  );
}
