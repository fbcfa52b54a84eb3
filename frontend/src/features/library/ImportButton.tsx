/** Takes in a file of one edit vector or an archive of many, and says what became of each. */

import { Modal } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { Link } from "react-router";

import { newKey, sendForm } from "../../api/client";
import { keys } from "../../api/queries";
import type { components } from "../../api/schema.gen";
import { ErrorNote } from "../../ui/ErrorNote";
import { IconCheck, IconUpload, IconWarning } from "../../ui/icons";
import { counted, percent } from "../../ui/words";
import { importWords } from "./importing";
import styles from "./library.module.css";

type Import = components["schemas"]["ImportOut"];

export function ImportButton() {
  const client = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState(0);
  const takeIn = useMutation({
    mutationFn: (file: File) => {
      setSent(0);
      const form = new FormData();
      form.set("file", file);
      return sendForm<Import>("/api/edit-vectors/import", form, {
        idempotencyKey: newKey(),
        onSent: setSent,
      });
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.library }),
  });
  const isSending = takeIn.isPending && sent < 1;
  return (
    <>
      <input
        ref={field}
        type="file"
        accept=".safetensors,.zip"
        aria-label="File of edit vectors"
        hidden
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) takeIn.mutate(file);
        }}
      />
      <button
        type="button"
        className="at-button"
        data-size="main"
        disabled={takeIn.isPending}
        title="A .safetensors file of one vector, or a .zip of a collection"
        onClick={() => field.current?.click()}
      >
        <IconUpload size={16} />{" "}
        {takeIn.isPending ? (isSending ? `Sending ${percent(sent)}` : "Checking") : "Import"}
      </button>
      <Modal
        opened={takeIn.data !== undefined || takeIn.error !== null}
        onClose={() => takeIn.reset()}
        size={560}
        title={takeIn.data ? importWords(takeIn.data.items) : "Not imported"}
        closeButtonProps={{ "aria-label": "Close" }}
      >
        {takeIn.error && <ErrorNote error={takeIn.error} />}
        {takeIn.data && (
          <>
            <ul className={styles.imported}>
              {takeIn.data.items.map((item) => (
                <li key={item.name} data-refused={item.refusal !== null || undefined}>
                  {item.refusal === null ? <IconCheck size={16} /> : <IconWarning size={16} />}
                  <span>
                    {item.edit_vector_id ? (
                      <Link to={`/library/${item.edit_vector_id}`}>{item.title}</Link>
                    ) : (
                      <strong>{item.name}</strong>
                    )}
                    {item.refusal && <span className={styles.refusal}>{item.refusal}</span>}
                  </span>
                </li>
              ))}
            </ul>
            {takeIn.data.collection_id && (
              <Link
                className="at-button"
                to={`/library/collections/${takeIn.data.collection_id}`}
                onClick={() => takeIn.reset()}
              >
                Open the collection of{" "}
                {counted(
                  takeIn.data.items.filter(({ refusal }) => refusal === null).length,
                  "vector",
                )}
              </Link>
            )}
          </>
        )}
      </Modal>
    </>
  );
}
