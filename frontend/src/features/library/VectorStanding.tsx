/** How an edit vector stands: with whom it is and why, where it comes from, what one may do. */

import { Link } from "react-router";

import type { EditVector, License, VectorPage } from "../../api/client";
import { IconCheck, IconClose, IconWorld, IconWarning } from "../../ui/icons";
import { count, when } from "../../ui/words";
import { weakness } from "./figures";
import styles from "./library.module.css";

export const isOpen = (vector: EditVector) =>
  vector.publication.state === "listed" || vector.publication.state === "unlisted";

export function StateChip({ vector }: { readonly vector: EditVector }) {
  const { state } = vector.publication;
  if (state === "listed")
    return (
      <span className="at-chip" data-on>
        <IconWorld size={14} /> Measured and listed
      </span>
    );
  if (state === "unlisted") return <span className="at-chip">By address only</span>;
  if (state === "measuring") return <span className="at-chip">Being measured</span>;
  if (state === "withdrawn") return <span className="at-chip">Withdrawn</span>;
  if (state === "removed") return <span className="at-chip">Removed by a moderator</span>;
  if (!vector.version.card) return <span className="at-chip">Not measured yet</span>;
  return (
    <span className="at-chip">
      <IconCheck size={14} /> Measured
    </span>
  );
}

/** One note under the heading, if something about its standing has to be said. */
export function Standing({
  page,
  onAppeal,
}: {
  readonly page: VectorPage;
  readonly onAppeal: () => void;
}) {
  const { vector, appeal } = page;
  const { state, reasons } = vector.publication;
  const weak = vector.version.card && weakness(vector.version.card);
  if (state === "removed") {
    return (
      <p className={`at-warn-note ${styles.note}`} role="status">
        <IconWarning size={17} />
        <span>
          A moderator removed this from the community: {reasons.join("; ")} It stays in your team’s
          library. {appeal?.verdict === "open" && "Your appeal is waiting for a moderator."}
          {appeal?.verdict === "dismissed" && `Your appeal was dismissed. ${appeal.note}`}
        </span>
        {vector.may_change && appeal?.verdict !== "open" && (
          <button type="button" className="at-button" data-size="small" onClick={onAppeal}>
            Appeal
          </button>
        )}
      </p>
    );
  }
  if (state === "draft" && reasons.length > 0) {
    return (
      <p className={`at-warn-note ${styles.note}`}>
        <IconWarning size={17} />
        <span>Not listed: {reasons.join("; ")}. It stays in your team’s library.</span>
      </p>
    );
  }
  if (state === "measuring") {
    return (
      <p className={`at-warn-note ${styles.note}`}>
        <span>It is measured first. Once its figures are good enough, everyone finds it.</span>
      </p>
    );
  }
  if (weak && vector.is_team) {
    return (
      <p className={`at-warn-note ${styles.note}`}>
        <IconWarning size={17} /> {weak}
      </p>
    );
  }
  return null;
}

/** Versions from first to last, each with the forks that were made of it. */
export function Lineage({ page, now }: { readonly page: VectorPage; readonly now: Date }) {
  const { vector, versions, forks } = page;
  const source = vector.forked_from;
  return (
    <div>
      <h2>Versions and forks</h2>
      <ol className={styles.lineage}>
        {source && (
          <li data-kind="source">
            Forked from <Link to={`/library/${source.id}`}>{source.title}</Link> v{source.version}{" "}
            by {source.author.name}
          </li>
        )}
        {versions.map((version) => (
          <li
            key={version.id}
            data-kind="version"
            data-current={version.id === vector.version.id || undefined}
          >
            v{version.number} · {when(version.created_at, now)}
            {version.notes && ` · ${version.notes}`}
            {!version.is_measured && " · being measured"}
            {forks.some((fork) => fork.of_version === version.number) && (
              <ul>
                {forks
                  .filter((fork) => fork.of_version === version.number)
                  .map((fork) => (
                    <li key={fork.id}>
                      <Link to={`/library/${fork.id}`}>{fork.title}</Link> · fork by{" "}
                      {fork.author.name} · {count(fork.num_uses)} uses
                    </li>
                  ))}
              </ul>
            )}
          </li>
        ))}
      </ol>
    </div>
  );
}

export function LicenseChips({ vector }: { readonly vector: EditVector }) {
  const license: License = vector.license;
  const switches = [
    { on: license.asks_credit, yes: "Credit the author", no: "No credit needed", good: true },
    { on: license.allows_commercial, yes: "Commercial use", no: "No commercial use" },
    { on: license.allows_derivatives, yes: "Changes allowed", no: "No changes" },
  ];
  return (
    <div>
      <h2>Licence</h2>
      <div className={styles.chips}>
        {switches.map(({ on, yes, no, good }) => (
          <span key={yes} className="at-chip">
            {on || good ? <IconCheck size={13} /> : <IconClose size={13} />} {on ? yes : no}
          </span>
        ))}
        {license.keeps_license && (
          <span className="at-chip">
            <IconCheck size={13} /> Same licence for forks
          </span>
        )}
      </div>
      {!vector.may_fork && (
        <p className="at-hint" style={{ marginTop: 8 }}>
          You may apply it as it is. Forks are not allowed, and its file is not given out.
        </p>
      )}
      {vector.is_team && (
        <p className="at-hint" style={{ marginTop: 8 }}>
          This is about others. Your team may do everything with it.
        </p>
      )}
    </div>
  );
}
