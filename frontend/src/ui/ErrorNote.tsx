import { asProblem } from "../api/problem";
import { IconCopy, IconWarning } from "./icons";

/** What went wrong, in one sentence, with one action and a reference to copy if there is one. */
export function ErrorNote({
  error,
  onRetry,
  retryLabel = "Try again",
}: {
  readonly error: unknown;
  readonly onRetry?: () => void;
  readonly retryLabel?: string;
}) {
  const problem = asProblem(error);
  // What is not there, or not for this person, stays so however often it is asked for.
  const isFinal = problem.status === 403 || problem.status === 404;
  return (
    <div className="at-error" role="alert">
      <IconWarning />
      <div className="at-error-words">
        <div>{problem.message}</div>
        {problem.reference && (
          <button
            type="button"
            className="at-link at-row"
            onClick={() => void navigator.clipboard?.writeText(problem.reference ?? "")}
          >
            <IconCopy size={14} /> <code>Reference {problem.reference}</code>
          </button>
        )}
      </div>
      {onRetry && !isFinal && (
        <button type="button" className="at-button" data-size="small" onClick={onRetry}>
          {retryLabel}
        </button>
      )}
    </div>
  );
}
