/** The links by which people outside the team see pictures of it. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";

import { keys, teamSharesQuery } from "../../api/queries";
import { ErrorNote } from "../../ui/ErrorNote";
import { counted } from "../../ui/words";
import styles from "../account/account.module.css";
import { unshare } from "../sharing/share";
import { day } from "./day";

export function TeamShares({ teamId }: { readonly teamId: string }) {
  const client = useQueryClient();
  const { data, error } = useQuery(teamSharesQuery(teamId));
  const end = useMutation({
    mutationFn: unshare,
    onSuccess: () => client.invalidateQueries({ queryKey: keys.teamShares(teamId) }),
  });
  return (
    <section className={styles.section}>
      <h2>Shared links</h2>
      {error && <ErrorNote error={error} />}
      {end.error && <ErrorNote error={end.error} />}
      {data?.length === 0 && (
        <p className="at-hint">No picture is shared. Share one from its studio.</p>
      )}
      <ul className={styles.rows}>
        {data?.map((link) => (
          <li key={link.id}>
            <div>
              <Link to={`/pictures/${link.image_id}`}>
                <strong>{link.image_name}</strong>
              </Link>
              <div className="at-hint">
                {link.access === "edit" ? "May edit" : "May look"} ·{" "}
                {link.expires_at ? `until ${day(link.expires_at)}` : "no end"} ·{" "}
                {counted(link.num_guests, "guest")} · by {link.made_by.name}
              </div>
            </div>
            <button
              type="button"
              className="at-button"
              data-size="small"
              data-danger
              disabled={end.isPending}
              onClick={() => end.mutate(link.id)}
            >
              Take back
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
