/** What waits for a moderator: reports and appeals, the oldest first, each with its decision. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useId, useState } from "react";
import { Link } from "react-router";

import { type Appeal, type Report, api, take } from "../../api/client";
import { keys, moderationQuery } from "../../api/queries";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck } from "../../ui/icons";
import { toast } from "../../ui/live";
import { useNow } from "../../ui/useNow";
import { counted, when } from "../../ui/words";
import { reasonWords } from "./reasons";
import styles from "./moderation.module.css";

const MOST = 1000;

export default function ModerationPage() {
  const { data, error, refetch, isPending } = useQuery(moderationQuery);
  const now = useNow();
  const waiting = data ? data.reports.length + data.appeals.length : 0;
  return (
    <div className="at-column">
      <h1>Moderation</h1>
      {error && !data && (
        <div className={styles.state}>
          <ErrorNote error={error} onRetry={() => void refetch()} />
        </div>
      )}
      {isPending && !error && (
        <div className={`at-ghost ${styles.state}`} style={{ height: 280 }} />
      )}
      {data && waiting === 0 && (
        <div className={styles.state}>
          <EmptyState icon={<IconCheck size={26} />}>
            Nothing waits. Reports about published vectors, and appeals against removals, come here.
          </EmptyState>
        </div>
      )}
      {data && data.reports.length > 0 && (
        <section className={styles.section}>
          <h2>{counted(data.reports.length, "report")}</h2>
          <ul>
            {data.reports.map((report) => (
              <ReportItem key={report.id} report={report} now={now} />
            ))}
          </ul>
        </section>
      )}
      {data && data.appeals.length > 0 && (
        <section className={styles.section}>
          <h2>{counted(data.appeals.length, "appeal")}</h2>
          <ul>
            {data.appeals.map((appeal) => (
              <AppealItem key={appeal.id} appeal={appeal} now={now} />
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

interface Decision {
  readonly is_upheld: boolean;
  readonly note: string;
}

/** Sends a decision, says it, and reads the queue again. */
function useDecision(
  send: (decision: Decision) => Promise<unknown>,
  said: (yes: boolean) => string,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: send,
    onSuccess: async (_, { is_upheld }) => {
      toast(said(is_upheld));
      await Promise.all([
        client.invalidateQueries({ queryKey: keys.moderation }),
        client.invalidateQueries({ queryKey: keys.library }),
      ]);
    },
    // Somebody may have been quicker; the queue then shows what is left.
    onError: () => client.invalidateQueries({ queryKey: keys.moderation }),
  });
}

function ReportItem({ report, now }: { readonly report: Report; readonly now: Date }) {
  const decision = useDecision(
    async (body) => {
      await take(
        api.POST("/api/reports/{report_id}/decision", {
          params: { path: { report_id: report.id } },
          body,
        }),
      );
    },
    (isRemoved) => (isRemoved ? `Removed: ${report.title}.` : `Kept: ${report.title}.`),
  );
  return (
    <Item
      vectorId={report.edit_vector_id}
      title={report.title}
      by={report.author.name}
      heading={reasonWords(report.reason)}
      told={`${report.reporter.name}, ${when(report.created_at, now)}`}
      text={report.text}
      yes="Remove from the community"
      no="Dismiss the report"
      needsNote
      noteLabel="Why, for the author and the reporter"
      isBusy={decision.isPending}
      error={decision.error}
      onDecide={(is_upheld, note) => decision.mutate({ is_upheld, note })}
    />
  );
}

function AppealItem({ appeal, now }: { readonly appeal: Appeal; readonly now: Date }) {
  const decision = useDecision(
    async (body) => {
      await take(
        api.POST("/api/appeals/{appeal_id}/decision", {
          params: { path: { appeal_id: appeal.id } },
          body,
        }),
      );
    },
    (isBack) =>
      isBack ? `${appeal.title} is back with the community.` : `${appeal.title} stays removed.`,
  );
  return (
    <Item
      vectorId={appeal.edit_vector_id}
      title={appeal.title}
      by={appeal.author.name}
      heading="Asks for it back"
      told={`${appeal.author.name}, ${when(appeal.created_at, now)}`}
      text={appeal.text}
      yes="Bring it back"
      no="Leave it removed"
      noteLabel="A word to the author"
      isBusy={decision.isPending}
      error={decision.error}
      onDecide={(is_upheld, note) => decision.mutate({ is_upheld, note })}
    />
  );
}

function Item({
  vectorId,
  title,
  by,
  heading,
  told,
  text,
  yes,
  no,
  needsNote = false,
  noteLabel,
  isBusy,
  error,
  onDecide,
}: {
  readonly vectorId: string;
  readonly title: string;
  readonly by: string;
  readonly heading: ReactNode;
  readonly told: string;
  readonly text: string;
  readonly yes: string;
  readonly no: string;
  /** Saying yes takes something away, so it needs a reason. */
  readonly needsNote?: boolean;
  readonly noteLabel: string;
  readonly isBusy: boolean;
  readonly error: unknown;
  readonly onDecide: (isUpheld: boolean, note: string) => void;
}) {
  const [note, setNote] = useState("");
  const id = useId();
  const said = note.trim();
  const isMissing = needsNote && said === "";
  return (
    <li className={styles.item}>
      <div className="at-spread">
        <strong className="at-ellipsis">
          <Link to={`/library/${vectorId}`}>{title}</Link>
        </strong>
        <span className="at-hint">by {by}</span>
      </div>
      <p>
        <strong>{heading}</strong> <span className="at-hint">{told}</span>
      </p>
      {text && <blockquote className={styles.text}>{text}</blockquote>}
      <div>
        <label className="at-label" htmlFor={id}>
          {noteLabel}
        </label>
        <textarea
          id={id}
          className="at-field"
          rows={2}
          maxLength={MOST}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
      </div>
      {error !== null && error !== undefined && <ErrorNote error={error} />}
      <div className={styles.buttons}>
        {isMissing && <span className="at-hint">A removal needs a reason.</span>}
        <button
          type="button"
          className="at-button"
          disabled={isBusy}
          onClick={() => onDecide(false, said)}
        >
          {no}
        </button>
        <button
          type="button"
          className="at-button"
          data-danger={needsNote || undefined}
          data-filled={needsNote ? undefined : true}
          disabled={isBusy || isMissing}
          onClick={() => onDecide(true, said)}
        >
          {yes}
        </button>
      </div>
    </li>
  );
}
