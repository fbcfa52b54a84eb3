/** The card of one edit vector: what it does, where, how well it was measured, whose it is. */

import { Menu, Modal } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";

import {
  type Card,
  type EditVector,
  type Family,
  type VectorPage as VectorPageData,
  api,
  take,
} from "../../api/client";
import { asProblem } from "../../api/problem";
import { familiesQuery, keys, similarQuery, vectorPageQuery } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import { CompareSlider } from "../../ui/CompareSlider";
import { ErrorNote } from "../../ui/ErrorNote";
import { StrengthSlider } from "../../ui/StrengthSlider";
import { Swatch } from "../../ui/Swatch";
import {
  IconBranch,
  IconCheck,
  IconDownload,
  IconMore,
  IconPen,
  IconTrash,
  IconWarning,
} from "../../ui/icons";
import { toast } from "../../ui/live";
import { useNow } from "../../ui/useNow";
import { counted, percent, spokenStrength, strength, titled, when } from "../../ui/words";
import { Dock, band } from "./Dock";
import { Like } from "./Like";
import { CollectButton, FollowButton, ForkButton, PublishButton } from "./VectorActions";
import { Asking, type Question } from "./VectorQuestions";
import { LicenseChips, Lineage, Standing, StateChip, isOpen } from "./VectorStanding";
import { effects, figuresOf, nearest } from "./figures";
import { tryAlone, useTryOut } from "./tryOut";
import styles from "./library.module.css";

const NUM_SHOWN = 5;
const SHOWN = [-2, -1, 0, 1, 2];

export default function VectorPage() {
  const { vectorId = "" } = useParams();
  const { data: page, error, refetch } = useQuery(vectorPageQuery(vectorId));
  const vector = page?.vector;
  const { data: families } = useQuery(familiesQuery);
  if (error && !vector) {
    return (
      <div className="at-column">
        <ErrorNote error={error} onRetry={() => void refetch()} />
        <p style={{ marginTop: 16 }}>
          <Link to="/library">Back to the library</Link>
        </p>
      </div>
    );
  }
  if (!page || !vector)
    return (
      <div className={styles.vector}>
        <div className="at-ghost" style={{ height: 560 }} />
      </div>
    );
  const family = families?.find((one) => one.name === vector.bundle);
  return <VectorView key={vector.id} page={page} family={family} />;
}

function VectorView({
  page,
  family,
}: {
  readonly page: VectorPageData;
  readonly family: Family | undefined;
}) {
  const { vector } = page;
  const client = useQueryClient();
  const navigate = useNavigate();
  const now = useNow();
  const [isEditing, setEditing] = useState(false);
  const [asking, setAsking] = useState<Question | null>(null);
  const params = { path: { edit_vector_id: vector.id } };
  const card = vector.version.card;
  const refresh = () => client.invalidateQueries({ queryKey: keys.library });
  const bringBack = useMutation({
    mutationFn: () => take(api.POST("/api/edit-vectors/{edit_vector_id}/undelete", { params })),
    onSuccess: refresh,
    onError: (error) => toast(asProblem(error).message),
  });
  const remove = useMutation({
    mutationFn: () => take(api.DELETE("/api/edit-vectors/{edit_vector_id}", { params })),
    onSuccess: async () => {
      toast(`Removed: ${vector.title}.`, { label: "Undo", run: () => bringBack.mutate() });
      await navigate("/library");
      await refresh();
    },
    onError: (error) => toast(asProblem(error).message),
  });
  const titles = new Map(family?.parts.map((part) => [part.name, part]));
  const isDocked = useTryOut((tryOut) => tryOut.isOpen);
  return (
    <div className={styles.collection} data-docked={isDocked || undefined}>
      <div className={styles.vector}>
        <nav className={styles.crumbs} aria-label="Where you are">
          <Link to="/library">Library</Link> / <span aria-current="page">{vector.title}</span>
        </nav>
        <header className={styles.vectorHead}>
          <div>
            <h1>{vector.title}</h1>
            <div className={styles.by}>
              <Avatar person={vector.author} size={20} isNamed />
              <span>{vector.author.name}</span>
              <StateChip vector={vector} />
              <FollowButton page={page} />
              {vector.tags.map((tag) => (
                <Link key={tag} className="at-chip" to={`/library?tags=${encodeURIComponent(tag)}`}>
                  {tag}
                </Link>
              ))}
            </div>
          </div>
          <div className={styles.buttons}>
            <Like vector={vector} isLarge />
            <ForkButton vector={vector} onFork={() => setAsking("fork")} />
            <CollectButton vector={vector} />
            {vector.may_export && (
              <a
                className="at-button"
                data-size="main"
                href={`/api/edit-vectors/${vector.id}/file`}
                download
              >
                <IconDownload size={16} /> Export
              </a>
            )}
            {(vector.may_change || !vector.is_own) && (
              <Menu position="bottom-end" width={210}>
                <Menu.Target>
                  <button
                    type="button"
                    className="at-button"
                    data-size="main"
                    aria-label={`More about ${vector.title}`}
                  >
                    <IconMore />
                  </button>
                </Menu.Target>
                <Menu.Dropdown>
                  {vector.may_change && (
                    <>
                      <Menu.Item
                        leftSection={<IconPen size={16} />}
                        onClick={() => setEditing(true)}
                      >
                        Name and tags
                      </Menu.Item>
                      <Menu.Item
                        leftSection={<IconBranch size={16} />}
                        onClick={() => setAsking("version")}
                      >
                        New version
                      </Menu.Item>
                      <Menu.Item
                        leftSection={<IconCheck size={16} />}
                        onClick={() => setAsking("license")}
                      >
                        Licence
                      </Menu.Item>
                      <Menu.Item
                        leftSection={<IconTrash size={16} />}
                        onClick={() => remove.mutate()}
                      >
                        Remove
                      </Menu.Item>
                    </>
                  )}
                  {!vector.is_own && (
                    <Menu.Item
                      leftSection={<IconWarning size={16} />}
                      disabled={page.is_reported || !isOpen(vector)}
                      onClick={() => setAsking("report")}
                    >
                      {page.is_reported ? "Reported" : "Report"}
                    </Menu.Item>
                  )}
                </Menu.Dropdown>
              </Menu>
            )}
            {vector.may_change && <PublishButton vector={vector} />}
            <button
              type="button"
              className="at-button"
              data-filled
              data-size="main"
              onClick={() => tryAlone(vector)}
            >
              Try on my picture
            </button>
          </div>
        </header>
        <Standing page={page} onAppeal={() => setAsking("appeal")} />
        {card ? (
          <div className={styles.three}>
            <section aria-label="On one picture">
              <OneProbe vector={vector} card={card} />
              {vector.description && <p>{vector.description}</p>}
            </section>
            <section>
              <h2>
                On {counted(Math.min(NUM_SHOWN, card.strips.length), "picture")} it has never seen
              </h2>
              <ProbeTable card={card} />
              <h2>Where it acts</h2>
              <div className={styles.where}>
                {card.heat_url && (
                  <img
                    src={card.heat_url}
                    alt="Mean change at strength 1 on the pictures above, brighter is more"
                  />
                )}
                <ul className={styles.effects}>
                  {effects(card).map(({ part, share }) => (
                    <li key={part}>
                      <Swatch color={titles.get(part)?.color ?? "var(--at-track)"} />
                      <span>{titles.get(part)?.title ?? titled(part)}</span>
                      <span className={styles.barTrack}>
                        <span style={{ width: percent(share).replace(" ", "") }} />
                      </span>
                      <span>{percent(share)}</span>
                    </li>
                  ))}
                </ul>
              </div>
              <Alike vectorId={vector.id} />
            </section>
            <section>
              <div>
                <h2>Measured figures</h2>
                <p className="at-hint">
                  {counted(card.num_probes, "probe picture")}, model {vector.bundle},{" "}
                  {when(vector.version.created_at, now)}
                </p>
              </div>
              {figuresOf(card).map((figure) => (
                <div
                  key={figure.name}
                  className={styles.bar}
                  data-below={figure.isBelow || undefined}
                >
                  <div className="at-spread">
                    <strong>{figure.name}</strong>
                    <b>{figure.shown}</b>
                  </div>
                  <div className={styles.barTrack}>
                    <span style={{ width: `${Math.min(1, figure.share) * 100}%` }} />
                    <i style={{ left: `${figure.minimum * 100}%` }} />
                  </div>
                  <p className="at-hint">{figure.meaning}</p>
                </div>
              ))}
              <hr className={styles.rule} />
              <Lineage page={page} now={now} />
              <hr className={styles.rule} />
              <LicenseChips vector={vector} />
              <hr className={styles.rule} />
              <Facts vector={vector} titles={titles} now={now} />
            </section>
          </div>
        ) : (
          <div className={styles.three}>
            <section>
              <p>
                This vector was not measured yet. Its strips and figures appear here once it was
                tried on pictures it has never seen; you can use it meanwhile.
              </p>
              {vector.description && <p>{vector.description}</p>}
              <Lineage page={page} now={now} />
              <LicenseChips vector={vector} />
              <Facts vector={vector} titles={titles} now={now} />
            </section>
          </div>
        )}
        <Modal
          opened={isEditing}
          onClose={() => setEditing(false)}
          size={560}
          title="Name and tags"
          closeButtonProps={{ "aria-label": "Close" }}
        >
          <EditForm vector={vector} onDone={() => setEditing(false)} />
        </Modal>
        <Asking vector={vector} what={asking} onClose={() => setAsking(null)} />
      </div>
      {isDocked && <Dock />}
    </div>
  );
}

/** Other vectors that do nearly the same, by the likeness of their measured effect. */
function Alike({ vectorId }: { readonly vectorId: string }) {
  const { data } = useQuery(similarQuery(vectorId));
  const near = data?.filter(({ likeness }) => likeness > 0.3) ?? [];
  if (near.length === 0) return null;
  return (
    <>
      <h2>Does nearly the same</h2>
      <ul className={styles.alike}>
        {near.map(({ vector, likeness }) => (
          <li key={vector.id}>
            <Link to={`/library/${vector.id}`} title={vector.title}>
              {vector.thumbnail_url ? <img src={vector.thumbnail_url} alt="" /> : <span />}
              <span className="at-ellipsis">{vector.title}</span>
              <span className="at-hint">{percent(likeness)} alike</span>
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}

function OneProbe({ vector, card }: { readonly vector: EditVector; readonly card: Card }) {
  const [value, setValue] = useState(1);
  const strip = card.strips[0] ?? [];
  const at = nearest(card.strengths, value);
  const before = strip[nearest(card.strengths, 0)];
  const after = strip[at];
  const range = band(card.valid_range);
  if (!before || !after) return null;
  const shown = card.strengths[at] ?? 0;
  return (
    <>
      <CompareSlider
        before={before}
        after={after}
        beforeLabel="Before"
        afterLabel={`Strength ${strength(shown, 2)}`}
        afterName={`At strength ${spokenStrength(shown)}`}
      />
      <div>
        <div className={styles.play}>
          <span>{strength(-2, 0)}</span>
          <StrengthSlider
            label={vector.title}
            value={value}
            measured={range}
            onChange={setValue}
            onRest={() => setValue(shown)}
          />
          <span>{strength(2, 0)}</span>
          <span className={styles.value}>{strength(shown, 2)}</span>
        </div>
        {range && (
          <p className="at-hint">
            Measured to work from {strength(range[0], 1)} to {strength(range[1], 1)}. Beyond that
            pictures may drift. Shown at the strengths that were measured.
          </p>
        )}
      </div>
    </>
  );
}

function ProbeTable({ card }: { readonly card: Card }) {
  const columns = SHOWN.map((wanted) => nearest(card.strengths, wanted));
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          {columns.map((at) => (
            <th key={at} scope="col">
              {strength(card.strengths[at] ?? 0, 0)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {card.strips.slice(0, NUM_SHOWN).map((strip, probe) => (
          <tr key={probe}>
            {columns.map((at) => (
              <td key={at}>
                <img
                  src={strip[at]}
                  alt={`Picture ${probe + 1} at ${spokenStrength(card.strengths[at] ?? 0)}`}
                  loading="lazy"
                />
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Facts({
  vector,
  titles,
  now,
}: {
  readonly vector: EditVector;
  readonly titles: ReadonlyMap<string, { title: string }>;
  readonly now: Date;
}) {
  const { version } = vector;
  return (
    <dl className={styles.facts}>
      <dt>Version</dt>
      <dd>
        v{version.number} · {when(version.created_at, now)}
      </dd>
      <dt>Parts</dt>
      <dd>{version.parts.map((name) => titles.get(name)?.title ?? titled(name)).join(", ")}</dd>
      <dt>Used</dt>
      <dd>{counted(vector.num_uses, "time")}</dd>
      <dt>Model</dt>
      <dd>{vector.bundle}</dd>
      <dt>Length</dt>
      <dd>
        {version.norm.toFixed(2)}, margin {version.margin} px
      </dd>
      <dt>Fingerprint</dt>
      <dd>{version.fingerprint.slice(0, 12)}</dd>
      <dt>Content</dt>
      <dd>{version.content_hash.slice(0, 12)}</dd>
    </dl>
  );
}

function EditForm({
  vector,
  onDone,
}: {
  readonly vector: EditVector;
  readonly onDone: () => void;
}) {
  const client = useQueryClient();
  const save = useMutation({
    mutationFn: (body: { title: string; description: string; tags: string[] }) =>
      take(
        api.PATCH("/api/edit-vectors/{edit_vector_id}", {
          params: { path: { edit_vector_id: vector.id } },
          body,
        }),
      ),
    onSuccess: async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.library });
    },
  });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    save.mutate({
      title: String(form.get("title") ?? "").trim(),
      description: String(form.get("description") ?? "").trim(),
      tags: String(form.get("tags") ?? "")
        .split(",")
        .map((tag) => tag.trim())
        .filter(Boolean),
    });
  };
  return (
    <form className={styles.form} onSubmit={onSubmit}>
      <label>
        <span className="at-label">Name</span>
        <input
          name="title"
          className="at-field"
          defaultValue={vector.title}
          required
          maxLength={120}
          data-autofocus
        />
      </label>
      <label>
        <span className="at-label">Tags, with commas between</span>
        <input name="tags" className="at-field" defaultValue={vector.tags.join(", ")} />
      </label>
      <label>
        <span className="at-label">What it does</span>
        <textarea
          name="description"
          className="at-field"
          defaultValue={vector.description}
          maxLength={2000}
        />
      </label>
      {save.error && <ErrorNote error={save.error} />}
      <div className={styles.formFoot}>
        <button type="button" className="at-button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" className="at-button" data-filled disabled={save.isPending}>
          Save
        </button>
      </div>
    </form>
  );
}
