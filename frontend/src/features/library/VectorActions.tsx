/** What one does with an edit vector on its page: like, follow, fork, collect, publish. */

import { Menu } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "react-router";

import { type EditVector, type VectorPage, api, take } from "../../api/client";
import { asProblem } from "../../api/problem";
import { collectionsQuery, keys, sessionQuery } from "../../api/queries";
import { IconFolder, IconFork } from "../../ui/icons";
import { toast } from "../../ui/live";
import { isOpen } from "./VectorStanding";

/** Runs one change, then reads the library again; a refusal is said. */
function useChange<T = void>(run: (given: T) => Promise<unknown>, said?: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: async () => {
      if (said) toast(said);
      await client.invalidateQueries({ queryKey: keys.library });
    },
    onError: (error) => toast(asProblem(error).message),
  });
}

const of = (vector: EditVector) => ({ path: { edit_vector_id: vector.id } });

export function FollowButton({ page }: { readonly page: VectorPage }) {
  const { data: session } = useQuery(sessionQuery);
  const { author } = page.vector;
  const params = { path: { creator_id: author.id } };
  const change = useChange(() =>
    page.is_author_followed
      ? take(api.DELETE("/api/creators/{creator_id}/follow", { params }))
      : take(api.PUT("/api/creators/{creator_id}/follow", { params })),
  );
  if (session?.user?.id === author.id) return null;
  return (
    <button
      type="button"
      className="at-link"
      aria-pressed={page.is_author_followed}
      onClick={() => change.mutate()}
    >
      {page.is_author_followed ? `Following ${author.name}` : `Follow ${author.name}`}
    </button>
  );
}

/** Forks, or says that the licence does not let one. */
export function ForkButton({
  vector,
  onFork,
}: {
  readonly vector: EditVector;
  readonly onFork: () => void;
}) {
  return (
    <button
      type="button"
      className="at-button"
      data-size="main"
      disabled={!vector.may_fork}
      title={vector.may_fork ? undefined : "Its licence does not allow changes"}
      onClick={onFork}
    >
      <IconFork size={16} /> Fork
    </button>
  );
}

export function CollectButton({ vector }: { readonly vector: EditVector }) {
  const { data: collections } = useQuery(collectionsQuery);
  const put = (id: string) =>
    take(
      api.PUT("/api/collections/{collection_id}/items/{edit_vector_id}", {
        params: { path: { collection_id: id, edit_vector_id: vector.id } },
      }),
    );
  const collect = useChange(put, `Added ${vector.title} to the collection.`);
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <button type="button" className="at-button" data-size="main">
          <IconFolder size={16} /> Collect
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
        {collections?.map((one) => (
          <Menu.Item key={one.id} onClick={() => collect.mutate(one.id)}>
            {one.title}
          </Menu.Item>
        ))}
        {collections && collections.length > 0 && <Menu.Divider />}
        <Menu.Item component={Link} to="/library/collections">
          New collection
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function PublishButton({ vector }: { readonly vector: EditVector }) {
  const params = of(vector);
  const publish = useChange((is_listed: boolean) =>
    take(api.POST("/api/edit-vectors/{edit_vector_id}/publish", { params, body: { is_listed } })),
  );
  const withdraw = useChange(
    () => take(api.POST("/api/edit-vectors/{edit_vector_id}/withdraw", { params })),
    `Withdrawn: ${vector.title}. Pictures that hold it keep it.`,
  );
  const { state } = vector.publication;
  if (state === "removed") return null;
  if (isOpen(vector) || state === "measuring") {
    return (
      <button
        type="button"
        className="at-button"
        data-size="main"
        disabled={withdraw.isPending}
        onClick={() => withdraw.mutate()}
      >
        Withdraw
      </button>
    );
  }
  return (
    <Menu position="bottom-end" width={250}>
      <Menu.Target>
        <button type="button" className="at-button" data-size="main" disabled={publish.isPending}>
          Publish
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => publish.mutate(true)}>For everyone to find</Menu.Item>
        <Menu.Item onClick={() => publish.mutate(false)}>For who has the address</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
