/** One picture in the gallery, with what can be done to it. */

import { Menu } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { Link, useNavigate } from "react-router";

import { type Image, api, newKey, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { jobQuery, keys } from "../../api/queries";
import { Avatar } from "../../ui/Avatar";
import {
  IconCompare,
  IconHistory,
  IconMore,
  IconPen,
  IconTrash,
  IconWarning,
} from "../../ui/icons";
import { toast } from "../../ui/live";
import { progressWords, waitingWords, when } from "../../ui/words";
import styles from "./gallery.module.css";

export function PictureCard({ image, now }: { readonly image: Image; readonly now: Date }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [isNaming, setNaming] = useState(false);
  const params = { path: { image_id: image.id } };
  const refresh = () => client.invalidateQueries({ queryKey: keys.images });
  const complain = (error: unknown) => toast(asProblem(error).message);

  const rename = useMutation({
    mutationFn: (name: string) =>
      take(api.PATCH("/api/images/{image_id}", { params, body: { name } })),
    onSuccess: refresh,
    onError: complain,
  });
  const bringBack = useMutation({
    mutationFn: () => take(api.POST("/api/images/{image_id}/undelete", { params })),
    onSuccess: refresh,
    onError: complain,
  });
  const remove = useMutation({
    mutationFn: () => take(api.DELETE("/api/images/{image_id}", { params })),
    onSuccess: () => {
      toast(`Removed: ${image.name}.`, { label: "Undo", run: () => bringBack.mutate() });
      return refresh();
    },
    onError: complain,
  });
  const again = useMutation({
    mutationFn: () =>
      take(
        api.POST("/api/images/{image_id}/invert", {
          params: { ...params, header: { "Idempotency-Key": newKey() } },
          body: { steps: 100 },
        }),
      ),
    onSuccess: refresh,
    onError: complain,
  });

  const isReady = image.status === "ready";
  const target = isReady ? `/pictures/${image.id}` : `/pictures/${image.id}/close-look`;
  const onName = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name") ?? "").trim();
    setNaming(false);
    if (name && name !== image.name) rename.mutate(name);
  };
  return (
    <li className={styles.card}>
      <Link to={target} className={styles.open} aria-label={labelOf(image)}>
        {image.thumbnail_url ? (
          <img
            src={image.thumbnail_url}
            alt=""
            loading="lazy"
            data-waiting={!isReady || undefined}
          />
        ) : null}
        {image.status === "inverting" && <Searching jobId={image.job_id} />}
        {image.status === "failed" && (
          <span className={styles.failed}>
            <IconWarning size={16} /> Not rebuilt
          </span>
        )}
        {isReady && image.inversion?.is_unusual && (
          <span className={styles.far}>Far from what it learned</span>
        )}
      </Link>
      <div className={styles.foot}>
        <div className={styles.words}>
          {isNaming ? (
            <form onSubmit={onName}>
              <input
                name="name"
                className="at-field"
                aria-label="Name"
                defaultValue={image.name}
                maxLength={120}
                autoFocus
                onFocus={(event) => event.currentTarget.select()}
                onBlur={(event) => event.currentTarget.form?.requestSubmit()}
                onKeyDown={(event) => {
                  if (event.key === "Escape") setNaming(false);
                }}
              />
            </form>
          ) : (
            <strong className="at-ellipsis" title={image.name}>
              {image.name}
            </strong>
          )}
          <span className={styles.meta}>
            <Avatar person={image.owner} size={18} />
            <span className="at-ellipsis">
              {when(image.updated_at, now)}
              {image.num_revisions > 1 ? ` · ${image.num_revisions} revisions` : ""}
            </span>
          </span>
        </div>
        {image.status === "failed" && (
          <button
            type="button"
            className="at-button"
            data-size="small"
            disabled={again.isPending}
            onClick={() => again.mutate()}
          >
            Search again
          </button>
        )}
        <Menu position="bottom-end" width={200}>
          <Menu.Target>
            <button
              type="button"
              className="at-button"
              data-quiet
              data-icon
              data-size="small"
              aria-label={`More about ${image.name}`}
            >
              <IconMore />
            </button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconPen size={16} />} onClick={() => setNaming(true)}>
              Rename
            </Menu.Item>
            <Menu.Item
              leftSection={<IconHistory size={16} />}
              disabled={!isReady}
              onClick={() => void navigate(`/pictures/${image.id}/history`)}
            >
              History
            </Menu.Item>
            {image.original_url && (
              <Menu.Item
                leftSection={<IconCompare size={16} />}
                onClick={() => void navigate(`/pictures/${image.id}/close-look`)}
              >
                How close is it?
              </Menu.Item>
            )}
            <Menu.Item leftSection={<IconTrash size={16} />} onClick={() => remove.mutate()}>
              Remove
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
    </li>
  );
}

function labelOf(image: Image): string {
  if (image.status === "inverting") return `${image.name}, coming into focus`;
  if (image.status === "failed") return `${image.name}, could not be rebuilt`;
  return image.name;
}

function Searching({ jobId }: { readonly jobId: string | null }) {
  const { data: job } = useQuery({ ...jobQuery(jobId ?? ""), enabled: jobId !== null });
  const progress = job?.progress;
  const share = progress ? progress.step / progress.num_steps : 0;
  return (
    <span className={styles.searching}>
      <span>
        {progress
          ? progressWords(progress.step, progress.num_steps, job.seconds_left)
          : waitingWords(job?.place_in_queue)}
      </span>
      <span
        className="at-progress"
        role="progressbar"
        aria-label="Coming into focus"
        aria-valuemin={0}
        aria-valuemax={progress?.num_steps ?? 100}
        aria-valuenow={progress?.step ?? 0}
      >
        <span style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}
