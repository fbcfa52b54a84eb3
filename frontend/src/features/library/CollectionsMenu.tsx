/** Collections to open, and files to take in, beside the search field. */

import { Menu } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef } from "react";
import { Link, useNavigate } from "react-router";

import { newKey, sendForm } from "../../api/client";
import { asProblem } from "../../api/problem";
import { collectionsQuery, keys } from "../../api/queries";
import type { components } from "../../api/schema.gen";
import { IconFolder } from "../../ui/icons";
import { toast } from "../../ui/live";
import { counted } from "../../ui/words";
import styles from "./library.module.css";

type Import = components["schemas"]["ImportOut"];

export function CollectionsMenu() {
  const client = useQueryClient();
  const navigate = useNavigate();
  const { data: collections } = useQuery(collectionsQuery);
  const field = useRef<HTMLInputElement>(null);
  const takeIn = useMutation({
    mutationFn: (file: File) => {
      const form = new FormData();
      form.set("file", file);
      return sendForm<Import>("/api/edit-vectors/import", form, { idempotencyKey: newKey() });
    },
    onSuccess: async ({ items, collection_id }) => {
      await client.invalidateQueries({ queryKey: keys.library });
      const refused = items.filter(({ refusal }) => refusal !== null);
      const taken = counted(items.length - refused.length, "vector");
      toast(
        refused.length === 0
          ? `Imported ${taken}. They are measured now.`
          : `Imported ${taken}. Left out ${refused[0]?.name ?? ""}: ${refused[0]?.refusal ?? ""}`,
      );
      const only = items[0]?.edit_vector_id;
      if (collection_id) await navigate(`/library/collections/${collection_id}`);
      else if (only) await navigate(`/library/${only}`);
    },
    onError: (error) => toast(asProblem(error).message),
  });
  return (
    <>
      <input
        ref={field}
        type="file"
        accept=".safetensors,.zip"
        hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) takeIn.mutate(file);
        }}
      />
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <button
            type="button"
            className="at-button"
            data-size="main"
            aria-label="Collections and files"
          >
            <IconFolder size={17} /> <span className={styles.wideOnly}>Collections</span>
          </button>
        </Menu.Target>
        <Menu.Dropdown mah={360} style={{ overflowY: "auto" }}>
          {collections?.length === 0 && (
            <Menu.Label>No collections yet. Begin one on the page of a vector.</Menu.Label>
          )}
          {collections?.map((one) => (
            <Menu.Item key={one.id} component={Link} to={`/library/collections/${one.id}`}>
              <span className="at-spread">
                <span className="at-ellipsis">{one.title}</span>
                <span className="at-hint">{one.num_vectors}</span>
              </span>
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item onClick={() => field.current?.click()} disabled={takeIn.isPending}>
            Import a file or archive
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
