/** Where the person is signed in, and ending what is not theirs any more. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { endSignIns, signIns } from "../../api/auth";
import { keys } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { useNow } from "../../ui/useNow";
import { when } from "../../ui/words";
import { deviceOf } from "./device";
import styles from "./account.module.css";

export function SignIns() {
  const client = useQueryClient();
  const now = useNow();
  const { data, error } = useQuery({ queryKey: keys.signIns, queryFn: signIns });
  const end = useMutation({
    mutationFn: endSignIns,
    onSuccess: () => client.invalidateQueries({ queryKey: keys.signIns }),
  });
  const others = data?.filter((one) => !one.is_current) ?? [];
  return (
    <section className={styles.section}>
      <h2>Where you are signed in</h2>
      {error && <ErrorNote error={error} />}
      {end.error && <ErrorNote error={end.error} />}
      <ul className={styles.rows}>
        {data?.map((one) => (
          <li key={one.id}>
            <div>
              <strong>{deviceOf(one.user_agent)}</strong>
              <div className="at-hint">
                {one.is_current
                  ? "This one"
                  : `Signed in ${when(new Date(1000 * one.created_at).toISOString(), now)}`}
                {" · "}
                {one.ip}
              </div>
            </div>
            {!one.is_current && (
              <button
                type="button"
                className="at-button"
                data-size="small"
                disabled={end.isPending}
                onClick={() => end.mutate([one.id])}
              >
                Sign out there
              </button>
            )}
          </li>
        ))}
      </ul>
      {others.length > 1 && (
        <div className={styles.buttons}>
          <button
            type="button"
            className="at-button"
            disabled={end.isPending}
            onClick={() => end.mutate(others.map((one) => one.id))}
          >
            Sign out everywhere else
          </button>
        </div>
      )}
    </section>
  );
}
