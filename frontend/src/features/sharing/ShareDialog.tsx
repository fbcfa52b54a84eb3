/** Sharing one picture with people outside the team, by links that end. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";

import { api, take, type Share } from "../../api/client";
import { keys, sharesQuery } from "../../api/queries";
import { CopyField } from "../../ui/CopyField";
import { ErrorNote } from "../../ui/ErrorNote";
import { counted } from "../../ui/words";
import { day } from "../team/day";
import { Dialog } from "../studio/Dialog";
import { unshare } from "./share";
import styles from "../account/account.module.css";

export function ShareDialog({
  image,
  onClose,
}: {
  readonly image: { readonly id: string; readonly name: string };
  readonly onClose: () => void;
}) {
  const client = useQueryClient();
  const { data, error } = useQuery(sharesQuery(image.id));
  const again = () => client.invalidateQueries({ queryKey: keys.shares(image.id) });
  const share = useMutation({
    mutationFn: (wish: { access: Share["access"]; days: number | null }) =>
      take(
        api.POST("/api/images/{image_id}/shares", {
          params: { path: { image_id: image.id } },
          body: wish,
        }),
      ),
    onSuccess: again,
  });
  const end = useMutation({ mutationFn: unshare, onSuccess: again });
  const onSubmit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const days = String(form.get("days"));
    share.mutate({
      access: form.get("access") === "edit" ? "edit" : "view",
      days: days === "" ? null : Number(days),
    });
  };
  return (
    <Dialog title={`Share ${image.name}`} width={560} onClose={onClose}>
      <form className={styles.line} onSubmit={onSubmit}>
        <label>
          <span className="at-label">Who has the link may</span>
          <select name="access" className="at-field" defaultValue="view">
            <option value="view">look</option>
            <option value="edit">edit</option>
          </select>
        </label>
        <label>
          <span className="at-label">It ends after</span>
          <select name="days" className="at-field" defaultValue="30">
            <option value="1">a day</option>
            <option value="7">7 days</option>
            <option value="30">30 days</option>
            <option value="">never</option>
          </select>
        </label>
        <button type="submit" className="at-button" data-filled disabled={share.isPending}>
          Make a link
        </button>
      </form>
      <p className="at-field-note">
        People sign in to open it. They see this picture and its history, nothing else of the team.
      </p>
      {[error, share.error, end.error].map((one, at) => one && <ErrorNote key={at} error={one} />)}
      <ul className={styles.links}>
        {data?.map((link) => (
          <li key={link.id}>
            <div className="at-spread">
              <span className="at-hint">
                {link.access === "edit" ? "May edit" : "May look"} ·{" "}
                {link.expires_at ? `until ${day(link.expires_at)}` : "no end"} ·{" "}
                {counted(link.num_guests, "guest")}
              </span>
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
            </div>
            <CopyField label="The link" value={link.url} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
